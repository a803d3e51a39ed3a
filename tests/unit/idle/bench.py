"""A controller on a manual clock with make-believe services: the set-up of most tests of the idle policy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from octostar_runtime.errors import VersionConflict
from octostar_runtime.idle.controller import IdleController
from octostar_runtime.idle.observation import Observation
from octostar_runtime.idle.services import Phase, Probe, ServiceInfo, ServiceRegistry
from octostar_runtime.models.events import Event
from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.models.services import ServiceRecord, ServiceState
from octostar_runtime.models.sessions import ComingStop, SessionRecord, SessionState
from octostar_runtime.testing import ManualClock

NODE = "node-1"


class MemoryDocuments:
    """Versioned documents in a dict."""

    def __init__(self) -> None:
        self.rows: dict[str, list[tuple[int, float, str | None, Mapping[str, object]]]] = {}

    def load(self, name: str) -> tuple[Mapping[str, object], int] | None:
        rows = self.rows.get(name)
        return (rows[-1][3], rows[-1][0]) if rows else None

    def save(self, name: str, doc: Mapping[str, object], *, expected: int, actor: str | None) -> int:
        rows = self.rows.setdefault(name, [])
        current = rows[-1][0] if rows else 0
        if expected != current:
            raise VersionConflict(f"{name} is at version {current}", current=current)
        rows.append((current + 1, 0.0, actor, dict(doc)))
        return current + 1

    def history(self, name: str, *, limit: int = 20) -> Sequence[tuple[int, float, str | None, Mapping[str, object]]]:
        return self.rows.get(name, [])[::-1][:limit]


class MemoryLeases:
    """Leases in a dict, on the test's clock."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.rows: dict[str, tuple[str, float, str, float]] = {}

    def acquire(self, name: str, holder: str, ttl_s: float, *, note: str = "") -> bool:
        row = self.rows.get(name)
        if row is not None and row[0] != holder and row[1] > self.clock.monotonic():
            return False
        self.rows[name] = (holder, self.clock.monotonic() + ttl_s, note, self.clock.time() + ttl_s)
        return True

    def release(self, name: str, holder: str) -> None:
        if name in self.rows and self.rows[name][0] == holder:
            del self.rows[name]

    def holders(self, prefix: str = "") -> Sequence[tuple[str, str, float, str]]:
        now = self.clock.monotonic()
        return [
            (name, holder, expires_at, note)
            for name, (holder, until, note, expires_at) in self.rows.items()
            if name.startswith(prefix) and until > now
        ]


class FakeService:
    """A backend of which the test decides how it behaves; it counts its processes."""

    def __init__(
        self,
        name: str = "svc",
        *,
        kind: str = "hook",
        node_id: str = NODE,
        running: bool = True,
        depends_on: tuple[str, ...] = (),
    ) -> None:
        self.info = ServiceInfo(name=name, kind=kind, node_id=node_id, depends_on=depends_on)
        self.processes = 1 if running else 0
        self.healthy = True
        self.busy = 0
        self.calls: list[str] = []
        self.fail_starts = 0
        self.fail_stops = 0
        self.probe_error: Exception | None = None
        self.most_processes = self.processes
        self.during_probe: Callable[[], object] = lambda: None
        self.during_drain: Callable[[], object] = lambda: None
        self.during_stop: Callable[[], object] = lambda: None

    def probe(self) -> Probe:
        self.during_probe()
        if self.probe_error is not None:
            raise self.probe_error
        if not self.processes:
            return Probe(phase=Phase.STOPPED)
        return Probe(phase=Phase.RUNNING if self.healthy else Phase.STARTING, busy=self.busy, pid=1)

    def start(self, *, timeout_s: float) -> None:
        self.calls.append("start")
        if self.fail_starts:
            self.fail_starts -= 1
            raise RuntimeError("no memory left")
        self.processes += 1
        self.most_processes = max(self.most_processes, self.processes)

    def drain(self, on: bool, *, timeout_s: float) -> None:
        self.calls.append("drain" if on else "undrain")
        self.during_drain()

    def stop(self, *, timeout_s: float) -> None:
        self.calls.append("stop")
        self.during_stop()
        if self.fail_stops:
            self.fail_stops -= 1
            raise RuntimeError("pid 7 is still there")
        self.processes = 0

    def log_tail(self, lines: int) -> str:
        return "a line\n"


@dataclass
class Bench:
    """The controller under test and the world around it."""

    clock: ManualClock = field(default_factory=ManualClock)
    policy: dict[str, object] = field(default_factory=dict)
    services: list[FakeService] = field(default_factory=lambda: [FakeService()])

    def __post_init__(self) -> None:
        self.sessions: dict[str, SessionRecord] = {}
        self.runs: dict[str, RunRecord] = {}
        self.events: list[Event] = []
        self.warnings: list[ComingStop] = []
        self.called_off: list[ComingStop] = []
        self.documents = MemoryDocuments()
        self.leases = MemoryLeases(self.clock)
        self.registry = ServiceRegistry()
        for service in self.services:
            self.registry.add(service)
        self.controller = self.boot()
        doc = {"warn_before": 0, "min_uptime": 0, "services": {"svc": {"idle_after": 5}}, "check_interval": 1}
        self.save({**doc, **self.policy})
        self.tick()

    def boot(self, node_id: str = NODE) -> IdleController:
        return IdleController(
            node_id=node_id,
            clock=self.clock,
            documents=self.documents,
            leases=self.leases,
            sink=self,
            backends=self.registry,
            observe=self.observe,
            warn=lambda stop, over: (self.called_off if over else self.warnings).append(stop),
        )

    def publish(self, event: Event) -> None:
        self.events.append(event)

    def observe(self) -> Observation:
        return Observation(
            stamp=None,
            sessions=tuple(self.sessions.values()),
            live_runs=tuple(run for run in self.runs.values() if not run.terminal),
        )

    def save(self, doc: dict[str, object]) -> int:
        return self.controller.save_policy(doc, self.controller.policy()[1], "ada")

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            self.controller.tick()

    def run(self, seconds: float, *, step: float = 1.0) -> None:
        """Let time pass with a tick every ``step`` seconds."""
        for _ in range(round(seconds / step)):
            self.clock.advance(step)
            self.tick()

    def state(self, name: str = "svc") -> ServiceState:
        return self.record(name).state

    def record(self, name: str = "svc") -> ServiceRecord:
        return next(record for record in self.controller.services() if record.name == name)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]

    def connect(self, name: str = "s1", **more: object) -> None:
        now = self.clock.time()
        record = SessionRecord(
            session_id=name,
            node_id=NODE,
            state=SessionState.CONNECTED,
            connected_at=now,
            last_seen_at=now,
            page="main",
            **more,  # type: ignore[arg-type]
        )
        self.sessions[name] = record

    def disconnect(self, name: str = "s1") -> None:
        del self.sessions[name]

    def run_task(self, name: str = "r1", *, pool: str = "default", seq: int = 1) -> None:
        self.runs[name] = RunRecord(
            run_id=name,
            task_id=name,
            name="job",
            pool=pool,
            node_id=NODE,
            state=RunState.RUNNING,
            seq=seq,
            queued_at=self.clock.time(),
            started_at=self.clock.time(),
        )

    def end_task(self, name: str = "r1") -> None:
        del self.runs[name]
