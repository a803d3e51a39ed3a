"""Measure the idle policy: a decision, a replay, the controller at rest, a cold wake and what a stop gives back."""

import random
import time

from benchmarks import cold_wake
from benchmarks.report import Report, parse_options
from octostar_runtime.clock import SystemClock
from octostar_runtime.idle.controller import IdleController
from octostar_runtime.idle.decide import decide
from octostar_runtime.idle.observation import Observation
from octostar_runtime.idle.policy import Policy
from octostar_runtime.idle.services import Phase, Probe, ServiceInfo
from octostar_runtime.idle.state import ServiceView
from octostar_runtime.idle.whatif import GIB, History, Replay, ReplayedService, Stay, Work
from octostar_runtime.idle.world import World
from octostar_runtime.models.events import Event
from octostar_runtime.models.nodes import NodeRecord
from octostar_runtime.models.services import ServiceState
from octostar_runtime.models.sessions import SessionRecord, SessionState
from octostar_runtime.settings import Settings
from octostar_runtime.store import MemoryStore

ROUNDS = 30
DAY_S = 86_400.0


def main() -> None:
    options = parse_options("idle", __doc__)
    report = Report("idle", quick=options.quick)
    report.add("idle.decide_ms", decide_ms(), unit="ms")
    report.add("idle.replay_s", replay_s(3 if options.quick else 7), unit="s")
    report.add("idle.controller_cpu_percent", controller_cpu_percent(8 if options.quick else 30), unit="percent")
    rounds = cold_wake.measure(1 if options.quick else 5)
    report.add("idle.wake_ratio", [r.woken_s / r.direct_s for r in rounds], unit="ratio")
    report.add("idle.wake_s", [r.woken_s for r in rounds], unit="s")
    report.add("idle.stopped_memory_ratio", [r.stopped_bytes / r.running_bytes for r in rounds], unit="ratio")
    report.finish(as_json=options.json)


def decide_ms() -> list[float]:
    """Milliseconds of one decision over 10,000 sessions and 20 services, every switch set differently."""
    sessions = tuple(_session(i) for i in range(10_000))
    services = [_service(i) for i in range(20)]
    kinds = [view.info.name for view in services]
    overrides = {name: {"observers_block": i % 2 == 0, "connected_blocks": i % 3 != 0} for i, name in enumerate(kinds)}
    policy = Policy.model_validate({"services": overrides})
    world = World(utc=time.time(), observation=Observation(sessions=sessions))
    samples = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        plans = decide(1000.0, world, policy, services)
        samples.append((time.perf_counter() - started) * 1000)
        assert len(plans) == 20
    return samples


def replay_s(rounds: int) -> list[float]:
    """Seconds to prepare and replay 30 days with 100,000 sessions and 20,000 runs for one service."""
    chance = random.Random(7)
    stays = tuple(_stay(chance) for _ in range(100_000))
    works = tuple(_work(chance) for _ in range(20_000))
    samples = []
    for _ in range(rounds):
        started = time.perf_counter()
        replay = Replay(History(start=0, end=30 * DAY_S, stays=stays, works=works))
        [outcome] = replay.run(Policy(), [ReplayedService(name="ui", memory_bytes=GIB)])
        samples.append(time.perf_counter() - started)
        assert outcome.stops_that_hit_work == 0
    return samples


def controller_cpu_percent(seconds: float) -> float:
    """CPU of a controller with four quiet services and the default policy, in percent of a core."""
    clock, settings = SystemClock(), Settings()
    node = NodeRecord(
        node_id="bench", name="bench", kind="app", host="", pid=0, version="", started_at=0.0, heartbeat_at=0.0
    )
    store = MemoryStore(clock=clock, node=node, settings=settings)
    controller = IdleController(
        node_id="bench",
        clock=clock,
        documents=store.documents,
        leases=store.leases,
        sink=_Nobody(),
        backends=[_Quiet(f"s{i}") for i in range(4)],
        observe=Observation,
    )
    controller.start()
    time.sleep(1)
    before = time.process_time()
    time.sleep(seconds)
    used = time.process_time() - before
    controller.stop()
    return used / seconds * 100


class _Nobody:
    def publish(self, event: Event) -> None:
        """Nobody listens."""


class _Quiet:
    """A service that is there and does nothing."""

    def __init__(self, name: str) -> None:
        self.info = ServiceInfo(name=name, kind="hook", node_id="bench")

    def probe(self) -> Probe:
        return Probe(phase=Phase.RUNNING)

    def start(self, *, timeout_s: float) -> None: ...

    def drain(self, on: bool, *, timeout_s: float) -> None: ...

    def stop(self, *, timeout_s: float) -> None: ...

    def log_tail(self, lines: int) -> str:
        return ""


def _session(i: int) -> SessionRecord:
    state = SessionState.CONNECTED if i % 5 else SessionState.DISCONNECTED
    return SessionRecord(
        session_id=f"s{i}", node_id="n", state=state, connected_at=i, last_seen_at=i, observer=i % 7 == 0, user="ada"
    )


def _service(i: int) -> ServiceView:
    info = ServiceInfo(name=f"service-{i}", kind="program", node_id="n")
    probe = Probe(phase=Phase.RUNNING)
    return ServiceView(info=info, state=ServiceState.READY, since=0.0, probe=probe, probed_at=999.0, ready_at=0.0)


def _stay(chance: random.Random) -> Stay:
    """Mostly in the day, so that the nights can be saved."""
    start = chance.randrange(30) * DAY_S + chance.gauss(13, 2.5) * 3600
    return Stay(start=start, end=start + chance.expovariate(1 / 600), observer=chance.random() < 0.05)


def _work(chance: random.Random) -> Work:
    start = chance.randrange(30) * DAY_S + chance.gauss(13, 4) * 3600
    return Work(start=start, end=start + chance.expovariate(1 / 60))


if __name__ == "__main__":
    main()
