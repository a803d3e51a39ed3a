"""Drives the services of one controller: decides once per tick, and answers who wants one started or stopped.

One lock guards all records. Under it only values change hands; backends, sinks, callbacks and observers are called
without it. Ticks, lanes and callers of ``wake`` all come in here. The parts: :mod:`roster` knows which services there
are, :mod:`decide` what to do, :mod:`steps` carries that out, :mod:`moves` changes a record and tells of it, and
:mod:`errands` makes the calls that may block.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future

from octostar_runtime.clock import Clock
from octostar_runtime.errors import ServiceBusy
from octostar_runtime.idle.blockers import IN_USE
from octostar_runtime.idle.decide import decide
from octostar_runtime.idle.errands import Errands
from octostar_runtime.idle.moves import Moves
from octostar_runtime.idle.policy import Policy, ServiceRules
from octostar_runtime.idle.reports import Figures, Outbox
from octostar_runtime.idle.roster import Roster
from octostar_runtime.idle.services import ServiceBackend
from octostar_runtime.idle.state import DRAINING, IDLE, READY, STOPPED, STOPPING, UNKNOWN, UP, WARNED, Cell, StopRequest
from octostar_runtime.idle.steps import Steps
from octostar_runtime.idle.wakes import Wake, WakeDesk
from octostar_runtime.idle.world import World
from octostar_runtime.models.sessions import ComingStop

#: Blockers named in a refusal.
NAMED_AGAINST = 10


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
        warn: Callable[[ComingStop, bool], object],
    ) -> None:
        self._clock = clock
        self._outbox = outbox
        self._policy = policy
        self._world = world
        self._poke = poke
        self._lock = threading.RLock()
        self._threads = False
        self._roster = Roster(clock=clock)
        self._moves = Moves(clock=clock, outbox=outbox, policy=policy, warn=warn, roster=self._roster)
        self._errands = Errands(
            lock=self._lock, moves=self._moves, world=world, carry_out=lambda *plan: self._steps.apply(*plan), poke=poke
        )
        self._steps = Steps(self._moves, self._errands, lambda key, cause: self._want(key, by=None, cause=cause))

    # Which services there are

    def sync(self, backends: Iterable[ServiceBackend]) -> None:
        """Take over the services there are now; one that is no longer named is forgotten."""
        with self._lock:
            gone, new = self._roster.changes(backends)
            for key in gone:
                self._forget(key)
            for backend in new:
                self._add(backend)
            self._roster.link(self._policy())
        self._outbox.flush()

    def _add(self, backend: ServiceBackend) -> None:
        key = backend.info.key
        lane = self._roster.add(backend, lambda: self._errands.look(key), interval_s=self._policy().check_interval)
        if self._threads:
            lane.start()
            lane.look()

    def _forget(self, key: str) -> None:
        cell, lane = self._roster.remove(key)
        self._moves.call_off(cell)
        self._outbox.call(lambda: lane.stop(0.0))
        self._outbox.call(lambda: self.wakes.resolve(key, False, "the service is no longer registered"))

    def find(self, name: str) -> str:
        """Return the key of a service by name (or name@node); ServiceNotFound lists the names there are."""
        with self._lock:
            return self._roster.find(name)

    def start_lanes(self) -> None:
        """Let every service be probed on a thread of its own."""
        with self._lock:
            self._threads = True
            lanes = list(self._roster.lanes.values())
        for lane in lanes:
            lane.start()
            lane.look()

    def stop_lanes(self, timeout_s: float) -> None:
        """End the threads; a backend that hangs is left behind (its thread is a daemon)."""
        with self._lock:
            self._threads = False
            lanes = list(self._roster.lanes.values())
        for lane in lanes:
            lane.stop(0.0)
        for lane in lanes:
            lane.stop(timeout_s / max(1, len(lanes)))
        self.wakes.resolve_all("the runtime is shutting down")

    def on_lane(self, name: str, call: Callable[[ServiceBackend], object]) -> Future[object]:
        """Run a call to a service on its lane, in turn; the future tells how it went."""
        with self._lock:
            key = self._roster.find(name)
            backend, lane = self._roster.backends[key], self._roster.lanes[key]
        answer = Future[object]()

        def job() -> None:
            try:
                answer.set_result(call(backend))
            except Exception as error:  # noqa: BLE001 - it goes to whoever asked
                answer.set_exception(error)

        lane.submit(job)
        return answer

    # One tick

    def tick(self, policy: Policy) -> None:
        """Decide and carry out, once. Without threads of its own, run what is queued on the lanes first."""
        if not self._threads:
            for lane in list(self._roster.lanes.values()):
                lane.turn()
        world = self._world()
        with self._lock:
            views = [cell.view() for cell in self._roster.cells.values()]
            for plan in decide(self._clock.monotonic(), world, policy, views):
                self._steps.apply(plan, world)
        self._outbox.flush()

    def shift(self, gap_s: float) -> None:
        """Leave a gap in the ticks (the machine slept) out of every idle clock."""
        with self._lock:
            for cell in self._roster.cells.values():
                cell.idle_since += gap_s
                if cell.probed_at is not None:
                    cell.probed_at += gap_s

    def restart_clocks(self) -> None:
        """Start every idle clock again, after a change of the policy."""
        now = self._clock.monotonic()
        with self._lock:
            for cell in self._roster.cells.values():
                cell.idle_since = now
                cell.would_stop = False
            self._roster.link(self._policy())
            for lane in self._roster.lanes.values():
                lane.set_interval(self._policy().check_interval)

    def release_drains(self) -> None:
        """Call off countdowns and drains: this node no longer leads."""
        with self._lock:
            for cell in self._roster.cells.values():
                if cell.state in {IDLE, WARNED, DRAINING}:
                    self._steps.resume(cell, actor=None, reason="another node is in charge now")
                cell.blocked, cell.deadline, cell.stop = True, None, None

    def adopt_afresh(self, *, warm: bool) -> None:
        """Begin as the one in charge: what runs gets a full idle time (warm) or none (cold)."""
        now = self._clock.monotonic()
        with self._lock:
            for cell in self._roster.cells.values():
                cell.idle_since, cell.blocked = now, warm
                if not warm:
                    cell.idle_since = float("-inf")
                    cell.ready_at = None if cell.ready_at is None else float("-inf")

    # What callers ask for

    def wake(self, key: str, *, by: str | None, cause: str) -> Wake:
        """Ask for a service and all it needs; calls off a stop that has not been committed."""
        with self._lock:
            name = self._roster.cells[key].info.name
            wake, _ = self.wakes.join(key, name)
            for needed in self._roster.needs(key) - {key}:
                self._want(needed, by=by, cause=f"needed by {name}")
            self._want(key, by=by, cause=cause)
        self._outbox.flush()
        self._poke()
        return wake

    def _want(self, key: str, *, by: str | None, cause: str) -> None:
        cell = self._roster.cells[key]
        cell.idle_since, cell.stop, cell.would_stop = self._clock.monotonic(), None, False
        if cell.state not in UP:
            self._moves.want(cell, by=by, cause=cause)
            return
        if cell.state is not READY:
            self._steps.resume(cell, actor=by, reason=f"woken: {cause}")
        self._outbox.call(lambda: self.wakes.resolve(key, True))

    def request_stop(self, key: str, *, by: str, reason: str, force: bool, world: World) -> None:
        """Stop a service now; ServiceBusy tells what uses it, unless ``force``."""
        order = StopRequest(by=by, reason=reason or "stopped by an operator", force=force)
        with self._lock:
            cell = self._roster.cells[key]
            if cell.state in {STOPPED, STOPPING}:
                cell.wanted = False
                return
            against = self._against(key, cell, world)
            if against and not force:
                self._refuse(cell, order, against)
            if against:
                self._moves.tell("stop_forced", cell, actor=by, reason=order.reason, against=against[:NAMED_AGAINST])
            for name in [key, *(self._roster.dependants(key) if force else ())]:
                self._roster.cells[name].stop = order
                self._roster.cells[name].wanted = False
        self._outbox.flush()
        self._poke()

    def _against(self, key: str, cell: Cell, world: World) -> list[str]:
        """What speaks against a stop by order, in words."""
        if cell.state is UNKNOWN:
            return [f"its state is not known: {cell.probe_error or 'no probe has answered'}"]
        if cell.state not in UP:
            return []
        plan = next(plan for plan in self._errands.decide(world) if plan.key == key)
        return [f"{b.kind} {b.label or b.id}" for b in plan.blockers if b.kind in IN_USE]

    def _refuse(self, cell: Cell, order: StopRequest, against: list[str]) -> None:
        name = cell.info.name
        self.figures.refused_stops[name] += 1
        self._moves.tell("stop_refused", cell, actor=order.by, reason=order.reason, against=against[:NAMED_AGAINST])
        self._outbox.flush()
        raise ServiceBusy(
            f"{name!r} is in use ({'; '.join(against[:3])}); stop it by force, or wait", blockers=tuple(against)
        )

    # Reading

    @property
    def wakes(self) -> WakeDesk:
        """The wakes under way."""
        return self._moves.wakes

    @property
    def figures(self) -> Figures:
        """Totals for metrics."""
        return self._moves.figures

    def counts_down(self) -> bool:
        """Whether people see a countdown."""
        with self._lock:
            return any(cell.told is not None for cell in self._roster.cells.values())

    def cells(self) -> tuple[Cell, ...]:
        """Return the cells, for reading under ``lock`` only."""
        return tuple(self._roster.cells.values())

    @property
    def lock(self) -> threading.RLock:
        """What guards the cells."""
        return self._lock

    def backend(self, key: str) -> ServiceBackend:
        """Return the backend of a service."""
        with self._lock:
            return self._roster.backends[key]

    def rules(self, cell: Cell) -> ServiceRules:
        """Return the settings of a service."""
        return self._moves.rules(cell)
