"""Carries out plans: walks each service through its states and runs its backend's calls on its lane.

One lock guards all cells. Under it only values change hands; backends, sinks, callbacks and observers are called
without it. Ticks, lanes and callers of ``wake`` all come in here.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future

from octostar_runtime.clock import Clock
from octostar_runtime.errors import ServiceBusy, ServiceNotFound
from octostar_runtime.idle.blockers import IN_USE
from octostar_runtime.idle.decide import Action, Plan, decide
from octostar_runtime.idle.flaps import flap_factor
from octostar_runtime.idle.lanes import Lane
from octostar_runtime.idle.policy import Policy, ServiceRules
from octostar_runtime.idle.reports import Figures, Outbox
from octostar_runtime.idle.services import Phase, Probe, ServiceBackend
from octostar_runtime.idle.state import (
    DRAINING,
    FAILED,
    IDLE,
    READY,
    STARTING,
    STOPPED,
    STOPPING,
    UNKNOWN,
    UP,
    WARNED,
    Cell,
    StopRequest,
)
from octostar_runtime.idle.wakes import Wake, WakeDesk
from octostar_runtime.idle.world import World
from octostar_runtime.models.services import ServiceState

logger = logging.getLogger(__name__)

#: How often a service that is coming up or going down is looked at.
CLOSE_LOOK_S = 0.1
BACKOFF_MIN_S, BACKOFF_MAX_S = 1.0, 30.0
#: Up this long, a service that dies gets its full number of restarts again.
PROVEN_S = 60.0
ALERT_AFTER = 3


class Engine:
    """The services of one controller. ``world`` returns a fresh look at everything else."""

    def __init__(
        self,
        *,
        clock: Clock,
        outbox: Outbox,
        policy: Callable[[], Policy],
        world: Callable[[], World],
        poke: Callable[[], object],
        warn: Callable[[str, float], object],
    ) -> None:
        self._clock = clock
        self._outbox = outbox
        self._policy = policy
        self._world = world
        self._poke = poke
        self._warn = warn
        self._lock = threading.RLock()
        self._cells: dict[str, Cell] = {}
        self._backends: dict[str, ServiceBackend] = {}
        self._lanes: dict[str, Lane] = {}
        self._threads = False
        self.wakes = WakeDesk()
        self.figures = Figures()

    # Which services there are

    def sync(self, backends: Iterable[ServiceBackend]) -> None:
        """Take over the services there are now; one that is no longer named is forgotten."""
        named = {backend.info.key: backend for backend in backends}
        with self._lock:
            for key in [key for key, known in self._backends.items() if named.get(key) is not known]:
                self._forget(key)
            for key, backend in named.items():
                if key not in self._backends:
                    self._add(key, backend)
            self._link()
        self._outbox.flush()

    def _add(self, key: str, backend: ServiceBackend) -> None:
        now, utc = self._clock.monotonic(), self._clock.time()
        self._backends[key] = backend
        self._cells[key] = Cell(info=backend.info, since=now, since_utc=utc, idle_since=now)
        lane = Lane(backend.info.name, lambda: self._look(key), interval_s=self._policy().check_interval)
        self._lanes[key] = lane
        if self._threads:
            lane.start()
            lane.look()

    def _forget(self, key: str) -> None:
        lane = self._lanes.pop(key)
        self._cells.pop(key)
        self._backends.pop(key)
        self._outbox.call(lambda: lane.stop(0.0))
        self._outbox.call(lambda: self.wakes.resolve(key, False, "the service is no longer registered"))

    def _link(self) -> None:
        """Resolve the names of dependencies to keys: the same node first, then anywhere; a container needs nobody."""
        policy = self._policy()
        by_name: dict[str, list[str]] = {}
        for key, cell in self._cells.items():
            by_name.setdefault(cell.info.name, []).append(key)
        for key, cell in self._cells.items():
            rules = policy.for_service(cell.info.name, cell.info.kind)
            names = cell.info.depends_on if rules.depends_on is None else rules.depends_on
            found = [self._nearest(name, cell, by_name) for name in names]
            if cell.info.kind != "container":
                found += [k for k, other in self._cells.items() if other.info.kind == "container"]
            cell.depends_on = tuple(sorted({k for k in found if k is not None and k != key}))
        self._break_circles()

    def _nearest(self, name: str, cell: Cell, by_name: dict[str, list[str]]) -> str | None:
        keys = by_name.get(name, [])
        local = f"{name}@{cell.info.node_id}"
        return local if local in keys else (keys[0] if keys else None)

    def _break_circles(self) -> None:
        """Services that need each other in a circle could neither start nor stop: such a need is dropped."""
        for key, cell in self._cells.items():
            circular = tuple(need for need in cell.depends_on if key in self._needs(need))
            if circular:
                logger.error("service %s and %s need each other; the need is ignored", key, ", ".join(circular))
                cell.depends_on = tuple(need for need in cell.depends_on if need not in circular)

    def _needs(self, key: str) -> set[str]:
        """Everything ``key`` needs, itself included."""
        found: set[str] = set()
        waiting = [key]
        while waiting:
            name = waiting.pop()
            if name not in found and name in self._cells:
                found.add(name)
                waiting += self._cells[name].depends_on
        return found

    def find(self, name: str) -> str:
        """Return the key of a service by name (or name@node); ServiceNotFound lists the names there are."""
        with self._lock:
            if name in self._cells:
                return name
            keys = [key for key, cell in self._cells.items() if cell.info.name == name]
            if keys:
                return keys[0]
            known = ", ".join(sorted(cell.info.name for cell in self._cells.values())) or "none"
        raise ServiceNotFound(f"no service is called {name!r}; there are: {known}")

    def start_lanes(self) -> None:
        """Let every service be probed on a thread of its own."""
        with self._lock:
            self._threads = True
            lanes = list(self._lanes.values())
        for lane in lanes:
            lane.start()
            lane.look()

    def stop_lanes(self, timeout_s: float) -> None:
        """End the threads; a backend that hangs is left behind (its thread is a daemon)."""
        with self._lock:
            self._threads = False
            lanes = list(self._lanes.values())
        for lane in lanes:
            lane.stop(0.0)
        for lane in lanes:
            lane.stop(timeout_s / max(1, len(lanes)))
        self.wakes.resolve_all("the runtime is shutting down")

    def on_lane(self, name: str, call: Callable[[ServiceBackend], object]) -> Future[object]:
        """Run a call to a service on its lane, in turn; the future tells how it went."""
        key = self.find(name)
        backend, answer = self._backends[key], Future[object]()

        def job() -> None:
            try:
                answer.set_result(call(backend))
            except Exception as error:  # noqa: BLE001 - it goes to whoever asked
                answer.set_exception(error)

        self._lanes[key].submit(job)
        return answer

    # One tick

    def tick(self, policy: Policy) -> None:
        """Decide and carry out, once. Without threads of its own, run what is queued on the lanes first."""
        if not self._threads:
            for lane in list(self._lanes.values()):
                lane.turn()
        world = self._world()
        with self._lock:
            plans = self._decide(world, policy)
            for plan in plans:
                self._apply(plan, world, policy)
        self._outbox.flush()

    def _decide(self, world: World, policy: Policy) -> Sequence[Plan]:
        return decide(self._clock.monotonic(), world, policy, [cell.view() for cell in self._cells.values()])

    def shift(self, gap_s: float) -> None:
        """Leave a gap in the ticks (the machine slept) out of every idle clock."""
        with self._lock:
            for cell in self._cells.values():
                cell.idle_since += gap_s
                if cell.probed_at is not None:
                    cell.probed_at += gap_s

    def restart_clocks(self) -> None:
        """Start every idle clock again, after a change of the policy."""
        now = self._clock.monotonic()
        with self._lock:
            for cell in self._cells.values():
                cell.idle_since = now
                cell.would_stop = False
            self._link()
            for lane in self._lanes.values():
                lane.set_interval(self._policy().check_interval)

    def release_drains(self) -> None:
        """Call off countdowns and drains: this node no longer leads."""
        with self._lock:
            for key, cell in self._cells.items():
                if cell.state in {IDLE, WARNED, DRAINING}:
                    self._resume(key, cell)
                cell.blocked, cell.deadline, cell.stop = True, None, None

    def adopt_afresh(self, *, warm: bool) -> None:
        """Begin as the one in charge: what runs gets a full idle time (warm) or none (cold)."""
        now = self._clock.monotonic()
        with self._lock:
            for cell in self._cells.values():
                cell.idle_since, cell.blocked = now, warm
                if not warm:
                    cell.idle_since = float("-inf")
                    cell.ready_at = None if cell.ready_at is None else float("-inf")

    # What callers ask for

    def wake(self, key: str, *, by: str | None, cause: str) -> Wake:
        """Ask for a service and all it needs; calls off a stop that has not been committed."""
        with self._lock:
            policy = self._policy()
            wake, _ = self.wakes.join(key, self._cells[key].info.name)
            for needed in self._needs(key) - {key}:
                self._want(needed, policy, by=by, cause=f"needed by {self._cells[key].info.name}")
            self._want(key, policy, by=by, cause=cause)
        self._outbox.flush()
        self._poke()
        return wake

    def _want(self, key: str, policy: Policy, *, by: str | None, cause: str) -> None:
        cell, now = self._cells[key], self._clock.monotonic()
        cell.idle_since, cell.stop, cell.refused = now, None, None
        cell.would_stop = False
        if cell.state in UP:
            if cell.state is not READY:
                self._tell("stop_cancelled", cell, actor=by, reason=f"woken: {cause}")
                self._resume(key, cell)
            self._outbox.call(lambda: self.wakes.resolve(key, True))
            return
        if cell.wanted or cell.state is STARTING:
            return
        cell.wanted = True
        if cell.state is not STOPPING:  # there they belong to the stop, which must end first
            cell.attempts, cell.retry_at = 0, now
        self.figures.wakes[cell.info.name] += 1
        self._count_flap(cell, policy, now)
        self._tell("woken", cell, actor=by, reason=cause, state=cell.state.value)

    def _count_flap(self, cell: Cell, policy: Policy, now: float) -> None:
        rules = policy.for_service(cell.info.name, cell.info.kind)
        before = cell.flap_factor
        cell.flaps, cell.flap_factor = flap_factor(
            cell.flaps, stopped_at=cell.stopped_at, now=now, idle_after_s=rules.idle_after_s, limit=policy.flap_limit
        )
        if cell.flap_factor > before:
            times = f"woken {len(cell.flaps)} times an hour soon after a stop"
            reason = f"{times}; it now waits {cell.flap_factor} times as long"
            self._tell("flapping", cell, reason=reason, factor=cell.flap_factor)

    def request_stop(self, key: str, *, by: str, reason: str, force: bool, world: World) -> None:
        """Stop a service now; ServiceBusy tells what uses it, unless ``force``."""
        with self._lock:
            cell = self._cells[key]
            if cell.state in {STOPPED, STOPPING}:
                cell.wanted = False
                return
            self._refuse_if_busy(key, cell, by, reason, force, world)
            request = StopRequest(by=by, reason=reason or "stopped by an operator", force=force)
            for name in [key, *(self._dependants(key) if force else ())]:
                self._cells[name].stop = request
                self._cells[name].wanted = False
        self._outbox.flush()
        self._poke()

    def _refuse_if_busy(self, key: str, cell: Cell, by: str, reason: str, force: bool, world: World) -> None:
        against: list[str] = []
        if cell.state is UNKNOWN and not force:
            against = [f"its state is not known: {cell.probe_error or 'no probe has answered'}"]
        elif cell.state in UP and not force:
            plan = next(plan for plan in self._decide(world, self._policy()) if plan.key == key)
            against = [f"{b.kind} {b.label or b.id}" for b in plan.blockers if b.kind in IN_USE]
        if against:
            name = cell.info.name
            self.figures.refused_stops[name] += 1
            self._tell("stop_refused", cell, actor=by, reason=reason or "stopped by an operator", against=against[:10])
            self._outbox.flush()
            raise ServiceBusy(
                f"{name!r} is in use ({'; '.join(against[:3])}); stop it by force, or wait", blockers=tuple(against)
            )

    def _dependants(self, key: str) -> list[str]:
        return [name for name in self._cells if name != key and key in self._needs(name)]

    def cells(self) -> tuple[Cell, ...]:
        """Return the cells, for reading under ``lock`` only."""
        return tuple(self._cells.values())

    @property
    def lock(self) -> threading.RLock:
        """What guards the cells."""
        return self._lock

    def backend(self, key: str) -> ServiceBackend:
        """Return the backend of a service."""
        with self._lock:
            return self._backends[key]

    def rules(self, cell: Cell) -> ServiceRules:
        """Return the settings of a service."""
        return self._policy().for_service(cell.info.name, cell.info.kind)

    # Plans

    def _apply(self, plan: Plan, world: World, policy: Policy) -> None:
        cell = self._cells[plan.key]
        cell.idle_since = max(cell.idle_since, plan.idle_since)
        cell.blocked, cell.blockers, cell.deadline = plan.blocked, plan.blockers, plan.deadline
        steps = {
            Action.RESUME: self._do_resume,
            Action.COUNT_DOWN: self._do_count_down,
            Action.WARN: self._do_warn,
            Action.DRAIN: self._do_drain,
            Action.COMMIT: self._do_commit,
            Action.WOULD_STOP: self._do_would_stop,
            Action.REFUSE: self._do_refuse,
            Action.START: self._do_start,
            Action.WAKE_NEEDED: self._do_wake_needed,
            Action.BECOME_READY: self._do_become_ready,
            Action.ADOPT: self._do_adopt,
            Action.FAIL: self._do_fail,
            Action.GONE: self._do_gone,
            Action.LOSE_SIGHT: self._do_lose_sight,
            Action.STOP_AGAIN: self._do_stop_again,
        }
        step = steps.get(plan.action)
        if step is not None:
            step(plan, cell, world)

    def _move(self, cell: Cell, to: ServiceState) -> float:
        """Change the state; returns the seconds spent in the one before."""
        now = self._clock.monotonic()
        spent = now - cell.since
        cell.move(to, now=now, utc=self._clock.time())
        close = to in {STARTING, STOPPING, DRAINING}
        self._lanes[cell.info.key].set_interval(CLOSE_LOOK_S if close else self._policy().check_interval)
        return spent

    def _tell(self, what: str, cell: Cell, *, actor: str | None = None, reason: str = "", **data: object) -> None:
        blockers = () if what not in {"stop_refused", "stop_cancelled", "ready"} else cell.blockers
        self._outbox.event(
            f"service.{what}",
            cell.info.name,
            actor=actor,
            reason=reason,
            blockers=blockers,
            generation=cell.generation,
            service_node=cell.info.node_id,
            **data,
        )

    def _do_resume(self, plan: Plan, cell: Cell, world: World) -> None:
        refused = cell.state is DRAINING
        self._tell("stop_refused" if refused else "stop_cancelled", cell, reason=plan.reason, state=cell.state.value)
        if refused:
            self.figures.refused_stops[cell.info.name] += 1
        self._resume(plan.key, cell)

    def _resume(self, key: str, cell: Cell) -> None:
        draining = cell.state is DRAINING
        self._move(cell, READY)
        cell.deadline, cell.would_stop = None, False
        cell.idle_since = max(cell.idle_since, self._clock.monotonic())
        if draining:
            self._undrain(key, cell)

    def _undrain(self, key: str, cell: Cell) -> None:
        timeout_s = self.rules(cell).drain_timeout_s
        self._lanes[key].submit(lambda: self._backends[key].drain(False, timeout_s=timeout_s))

    def _do_count_down(self, plan: Plan, cell: Cell, world: World) -> None:
        self._move(cell, IDLE)
        self._tell("idle", cell, reason=plan.reason, stops_at=self._utc_of(plan.deadline))

    def _do_warn(self, plan: Plan, cell: Cell, world: World) -> None:
        self._move(cell, WARNED)
        stops_at = self._utc_of(plan.deadline) or self._clock.time()
        left_s = max(0.0, stops_at - self._clock.time())
        text = f"{cell.info.name} will be stopped in {_spoken(left_s)}: {plan.reason}."
        self._tell("warned", cell, reason=plan.reason, stops_at=stops_at)
        self._outbox.call(lambda: self._warn(text, stops_at))

    def _do_drain(self, plan: Plan, cell: Cell, world: World) -> None:
        self._move(cell, DRAINING)
        cell.drained, cell.drain_stamp, cell.recycle = False, world.observation.stamp, plan.recycle
        epoch, key, timeout_s = cell.epoch, plan.key, self.rules(cell).drain_timeout_s
        self._tell("draining", cell, actor=cell.stop.by if cell.stop else None, reason=plan.reason)
        self._lanes[key].submit(lambda: self._drain(key, epoch, timeout_s))

    def _do_commit(self, plan: Plan, cell: Cell, world: World) -> None:
        epoch, key = cell.epoch, plan.key
        cell.drained = False  # asked once; the lane answers by moving on, or by letting the drain run out
        self._lanes[key].submit(lambda: self._commit(key, epoch))

    def _do_would_stop(self, plan: Plan, cell: Cell, world: World) -> None:
        cell.would_stop = True
        self._tell("would_stop", cell, reason=plan.reason)

    def _do_refuse(self, plan: Plan, cell: Cell, world: World) -> None:
        actor = cell.stop.by if cell.stop else None
        cell.stop = None
        self.figures.refused_stops[cell.info.name] += 1
        self._tell("stop_refused", cell, actor=actor, reason=plan.reason)
        if cell.state is DRAINING:
            self._resume(plan.key, cell)

    def _do_start(self, plan: Plan, cell: Cell, world: World) -> None:
        self._move(cell, STARTING)
        cell.generation += 1
        cell.started, cell.probe, cell.probe_error, cell.retry_at = False, None, None, None
        cell.recycle, cell.stop = False, None
        key, generation = plan.key, cell.generation
        timeout_s, again = self.rules(cell).start_timeout_s, cell.attempts > 0
        self.figures.starts[cell.info.name] += 1
        self._tell("starting", cell, attempt=cell.attempts + 1)
        self._lanes[key].submit(lambda: self._start(key, generation, timeout_s, again))

    def _do_wake_needed(self, plan: Plan, cell: Cell, world: World) -> None:
        for key in plan.needs:
            self._want(key, self._policy(), by=None, cause=f"needed by {cell.info.name}")

    def _do_become_ready(self, plan: Plan, cell: Cell, world: World) -> None:
        spent = self._move(cell, READY)
        self.figures.start_seconds[cell.info.name] += spent  # type: ignore[assignment]
        self._settle_ready(plan.key, cell)
        self._tell("ready", cell, duration_s=round(spent, 3), pid=cell.probe.pid if cell.probe else None)

    def _do_adopt(self, plan: Plan, cell: Cell, world: World) -> None:
        known = cell.state is UNKNOWN and cell.generation > 0 and cell.ready_at is not None
        self._move(cell, READY)
        if not known:
            cell.generation += 1
            warm = self._policy().adopt_running == "warm" or cell.generation > 1
            self._settle_ready(plan.key, cell, warm=warm)
        else:
            self._settle_ready(plan.key, cell, ready_at=cell.ready_at)
        self._tell("adopted" if not known else "seen_again", cell, reason=plan.reason)

    def _settle_ready(self, key: str, cell: Cell, *, ready_at: float | None = None, warm: bool = True) -> None:
        now = self._clock.monotonic()
        cell.ready_at = now if ready_at is None else ready_at
        cell.idle_since, cell.blocked = now, False
        if not warm:
            cell.idle_since = cell.ready_at = float("-inf")
        cell.wanted, cell.retry_at, cell.error, cell.recycle = False, None, None, False
        cell.would_stop, cell.stopped_at = False, None
        self._outbox.call(lambda: self.wakes.resolve(key, True))

    def _do_fail(self, plan: Plan, cell: Cell, world: World) -> None:
        now = self._clock.monotonic()
        if cell.ready_at is not None and cell.state in UP and now - cell.ready_at > PROVEN_S:
            cell.attempts = 0
        self._move(cell, FAILED)
        cell.attempts += 1
        cell.error, cell.ready_at, cell.deadline = plan.reason, None, None
        self.figures.failures[cell.info.name] += 1
        again = cell.attempts <= self._policy().start_retries and cell.stop is None
        delay = min(BACKOFF_MAX_S, BACKOFF_MIN_S * 2 ** (cell.attempts - 1))
        cell.retry_at = now + delay if again else None
        self._tell("failed", cell, reason=plan.reason, attempt=cell.attempts, retry_in_s=delay if again else None)
        key, generation, timeout_s = plan.key, cell.generation, self.rules(cell).stop_timeout_s
        self._lanes[key].submit(lambda: self._clean_up(key, generation, timeout_s))
        if not again:
            cell.wanted = False
            error = plan.reason
            self._outbox.call(lambda: self.wakes.resolve(key, False, error))

    def _do_gone(self, plan: Plan, cell: Cell, world: World) -> None:
        self._move(cell, STOPPED)
        self._settle_stopped(cell)
        self._tell("stopped", cell, reason=plan.reason)

    def _settle_stopped(self, cell: Cell) -> None:
        cell.stopped_at, cell.ready_at, cell.deadline = self._clock.monotonic(), None, None
        cell.error, cell.retry_at, cell.stop, cell.blockers = None, None, None, ()
        cell.probe, cell.probe_error, cell.attempts = None, None, 0
        if cell.recycle:
            cell.wanted, cell.recycle = True, False

    def _do_lose_sight(self, plan: Plan, cell: Cell, world: World) -> None:
        draining = cell.state is DRAINING
        self._move(cell, UNKNOWN)
        cell.deadline, cell.stop = None, None
        self._tell("unknown", cell, reason=plan.reason)
        if draining:
            self._undrain(plan.key, cell)

    def _do_stop_again(self, plan: Plan, cell: Cell, world: World) -> None:
        cell.retry_at = None
        key, epoch, timeout_s = plan.key, cell.epoch, self.rules(cell).stop_timeout_s
        self._lanes[key].submit(lambda: self._stop(key, epoch, timeout_s))

    def _utc_of(self, deadline: float | None) -> float | None:
        if deadline is None or deadline == float("-inf"):
            return None
        return self._clock.time() + deadline - self._clock.monotonic()

    # On the lanes

    def _look(self, key: str) -> None:
        """Probe once and keep the answer."""
        backend = self._backends.get(key)
        if backend is None:
            return
        with self._lock:
            before = self._cells[key].generation
        try:
            self._keep(key, backend.probe(), before)
        except Exception as error:  # noqa: BLE001 - a probe may raise anything; it means: not known
            self._keep_error(key, error)

    def _keep(self, key: str, probe: Probe, generation: int) -> None:
        with self._lock:
            cell = self._cells.get(key)
            if cell is None or cell.generation != generation:
                return
            news = cell.probe is None or cell.probe.phase != probe.phase or cell.probe_error is not None
            if probe.busy and not (cell.probe and cell.probe.busy):
                cell.busy_since = self._clock.time()
            cell.probe, cell.probe_error, cell.probe_failures = probe, None, 0
            cell.probed_at = self._clock.monotonic()
        if news:
            self._poke()

    def _keep_error(self, key: str, error: BaseException) -> None:
        with self._lock:
            cell = self._cells.get(key)
            if cell is None:
                return
            cell.probe_error = f"{type(error).__name__}: {error}"
            cell.probe_failures += 1
            if cell.probe_failures == ALERT_AFTER and cell.state is not STARTING:
                self._tell("probe_alert", cell, reason=cell.probe_error, failures=cell.probe_failures)
        self._outbox.flush()
        self._poke()

    def _drain(self, key: str, epoch: int, timeout_s: float) -> None:
        try:
            self._backends[key].drain(True, timeout_s=timeout_s)
        except Exception as error:  # noqa: BLE001 - a backend may raise anything
            logger.warning("draining %s failed, the stop is called off: %s", key, error)
            return
        with self._lock:
            cell = self._cells[key]
            if cell.epoch == epoch:
                cell.drained = True
        self._poke()

    def _commit(self, key: str, epoch: int) -> None:
        """The commit point: a fresh probe, and under the lock every blocker once more."""
        self._look(key)
        world = self._world()
        with self._lock:
            cell = self._cells[key]
            if cell.epoch != epoch or cell.state is not DRAINING:
                return  # a wake, or a refusal, came first
            cell.drained = True
            plan = next(plan for plan in self._decide(world, self._policy()) if plan.key == key)
            if plan.action is not Action.COMMIT:
                cell.drained = False
                self._apply(plan, world, self._policy())
                go = False
            else:
                self._begin_stopping(cell, plan)
                go = True
            epoch, timeout_s = cell.epoch, self.rules(cell).stop_timeout_s
        self._outbox.flush()
        if go:
            self._stop(key, epoch, timeout_s)

    def _begin_stopping(self, cell: Cell, plan: Plan) -> None:
        self._move(cell, STOPPING)
        cell.recycle, cell.wanted = plan.recycle, False
        self._tell("stopping", cell, actor=cell.stop.by if cell.stop else None, reason=plan.reason)

    def _stop(self, key: str, epoch: int, timeout_s: float) -> None:
        """Stop and verify. What does not die is tried again; until it is dead it counts as STOPPING."""
        error: BaseException | None = None
        try:
            self._backends[key].stop(timeout_s=timeout_s)
        except Exception as raised:  # noqa: BLE001 - a backend may raise anything
            error = raised
        with self._lock:
            cell = self._cells.get(key)
            if cell is None or cell.epoch != epoch:
                return
            if error is not None:
                self._stop_failed(cell, error)
            else:
                actor = cell.stop.by if cell.stop else None
                spent = self._move(cell, STOPPED)
                self._settle_stopped(cell)
                self.figures.stops[cell.info.name] += 1
                self.figures.stop_seconds[cell.info.name] += spent  # type: ignore[assignment]
                self._tell("stopped", cell, actor=actor, duration_s=round(spent, 3))
        self._outbox.flush()
        self._poke()

    def _stop_failed(self, cell: Cell, error: BaseException) -> None:
        cell.attempts += 1
        cell.error = f"not stopped yet: {error}"
        cell.retry_at = self._clock.monotonic() + min(BACKOFF_MAX_S, BACKOFF_MIN_S * 2 ** (cell.attempts - 1))
        self._tell("stop_failed", cell, reason=str(error), attempt=cell.attempts)

    def _start(self, key: str, generation: int, timeout_s: float, again: bool) -> None:
        backend = self._backends[key]
        try:
            if again or not _comes_up(backend):
                backend.start(timeout_s=timeout_s)
        except Exception as error:  # noqa: BLE001 - a backend may raise anything
            self._start_failed(key, generation, error)
            return
        with self._lock:
            cell = self._cells[key]
            if cell.generation == generation and cell.state is STARTING:
                cell.started, cell.probe = True, None

    def _start_failed(self, key: str, generation: int, error: BaseException) -> None:
        with self._lock:
            cell = self._cells[key]
            if cell.generation != generation or cell.state is not STARTING:
                return  # a later generation is under way
            now = self._clock.monotonic()
            plan = Plan(key=key, action=Action.FAIL, reason=f"{type(error).__name__}: {error}", idle_since=now)
            self._do_fail(plan, cell, World(utc=self._clock.time()))
        self._outbox.flush()
        self._poke()

    def _clean_up(self, key: str, generation: int, timeout_s: float) -> None:
        """Leave nothing half-started behind, so that the next start cannot make a second one."""
        with self._lock:
            cell = self._cells[key]
            if cell.generation != generation or cell.state is not FAILED:
                return
        try:
            self._backends[key].stop(timeout_s=timeout_s)
        except Exception as error:  # noqa: BLE001 - a backend may raise anything
            logger.warning("cleaning up after %s failed: %s", key, error)


def _comes_up(backend: ServiceBackend) -> bool:
    """Whether it already runs, or somebody else is starting it."""
    try:
        return backend.probe().phase in {Phase.RUNNING, Phase.STARTING}
    except Exception:  # noqa: BLE001 - not known: starting is harmless when it runs
        return False


def _spoken(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes"
