"""One step per action of a plan: what the engine does with a decision. Called under its lock."""

from collections.abc import Callable, Mapping

from octostar_runtime.idle.decide import Action, Plan
from octostar_runtime.idle.errands import Errands
from octostar_runtime.idle.moves import Moves
from octostar_runtime.idle.state import DRAINING, IDLE, READY, STOPPED, UNKNOWN, WARNED, Cell
from octostar_runtime.idle.world import World


class Steps:
    """Carries plans out, one service at a time. ``want(key, by, cause)`` wakes another service."""

    def __init__(self, moves: Moves, errands: Errands, want: Callable[[str, str], object]) -> None:
        self._moves = moves
        self._errands = errands
        self._want = want
        self._steps: Mapping[Action, Callable[[Plan, Cell, World], None]] = {
            Action.RESUME: self._resume,
            Action.COUNT_DOWN: self._count_down,
            Action.WARN: self._warn,
            Action.DRAIN: self._drain,
            Action.COMMIT: self._commit,
            Action.WOULD_STOP: self._would_stop,
            Action.REFUSE: self._refuse,
            Action.START: self._start,
            Action.WAKE_NEEDED: self._wake_needed,
            Action.BECOME_READY: self._become_ready,
            Action.ADOPT: self._adopt,
            Action.FAIL: self._fail,
            Action.GONE: self._gone,
            Action.LOSE_SIGHT: self._lose_sight,
            Action.STOP_AGAIN: self._stop_again,
        }

    def apply(self, plan: Plan, world: World) -> None:
        """Write down what was found, then do what is to be done."""
        cell = self._moves.roster.cells[plan.key]
        cell.idle_since = max(cell.idle_since, plan.idle_since)
        cell.blocked, cell.blockers, cell.deadline = plan.blocked, plan.blockers, plan.deadline
        step = self._steps.get(plan.action)
        if step is not None:
            step(plan, cell, world)

    # Towards a stop, and back

    def _resume(self, plan: Plan, cell: Cell, world: World) -> None:
        self.resume(cell, actor=None, reason=plan.reason)

    def resume(self, cell: Cell, *, actor: str | None, reason: str) -> None:
        """Call off a countdown; a drain that had begun is a refused stop."""
        refused = cell.state is DRAINING
        if refused:
            self._moves.figures.refused_stops[cell.info.name] += 1
        what = "stop_refused" if refused else "stop_cancelled"
        if self._moves.resume(cell, what, actor=actor, reason=reason):
            self._errands.undrain(cell.info.key)

    def _count_down(self, plan: Plan, cell: Cell, world: World) -> None:
        self._moves.go(cell, IDLE, "idle", reason=plan.reason, stops_at=self._utc_of(plan.deadline))

    def _warn(self, plan: Plan, cell: Cell, world: World) -> None:
        stops_at = self._utc_of(plan.deadline) or self._moves.clock.time()
        self._moves.go(cell, WARNED, "warned", reason=plan.reason, stops_at=stops_at)
        self._moves.warn_of_stop(cell, stops_at, plan)

    def _drain(self, plan: Plan, cell: Cell, world: World) -> None:
        actor = cell.stop.by if cell.stop else None
        self._moves.go(cell, DRAINING, "draining", actor=actor, reason=plan.reason)
        cell.drained, cell.drain_stamp, cell.recycle = False, world.observation.stamp, plan.recycle
        self._errands.drain(plan.key)

    def _commit(self, plan: Plan, cell: Cell, world: World) -> None:
        self._errands.commit(plan.key)

    def _stop_again(self, plan: Plan, cell: Cell, world: World) -> None:
        cell.retry_at = None
        self._errands.stop(plan.key)

    def _would_stop(self, plan: Plan, cell: Cell, world: World) -> None:
        cell.would_stop = True
        self._moves.tell("would_stop", cell, reason=plan.reason)

    def _refuse(self, plan: Plan, cell: Cell, world: World) -> None:
        order, cell.stop = cell.stop, None
        actor, reason = (order.by, order.reason) if order else (None, plan.reason)
        if cell.state is DRAINING:
            self.resume(cell, actor=actor, reason=reason)
            return
        self._moves.figures.refused_stops[cell.info.name] += 1
        self._moves.tell("stop_refused", cell, actor=actor, reason=reason)

    # Towards a start

    def _start(self, plan: Plan, cell: Cell, world: World) -> None:
        self._moves.begin_starting(cell)
        self._errands.start(plan.key)

    def _wake_needed(self, plan: Plan, cell: Cell, world: World) -> None:
        for key in plan.needs:
            self._want(key, f"needed by {cell.info.name}")

    def _become_ready(self, plan: Plan, cell: Cell, world: World) -> None:
        pid = cell.probe.pid if cell.probe else None
        spent = self._moves.go(cell, READY, "ready", pid=pid)
        self._moves.figures.started(cell.info.name, spent)
        self._moves.settle_ready(plan.key, cell)

    def _adopt(self, plan: Plan, cell: Cell, world: World) -> None:
        known = cell.state is UNKNOWN and cell.generation > 0 and cell.ready_at is not None
        if known:
            self._moves.go(cell, READY, "seen_again", reason=plan.reason)
            self._moves.settle_ready(plan.key, cell, ready_at=cell.ready_at)
            return
        cell.generation += 1
        self._moves.go(cell, READY, "adopted", reason=plan.reason)
        warm = self._moves.policy().adopt_running == "warm" or cell.generation > 1
        self._moves.settle_ready(plan.key, cell, warm=warm)

    # By itself, or from outside

    def _fail(self, plan: Plan, cell: Cell, world: World) -> None:
        self._moves.fail(plan.key, cell, plan.reason)
        self._errands.clean_up(plan.key)

    def _gone(self, plan: Plan, cell: Cell, world: World) -> None:
        self._moves.go(cell, STOPPED, "stopped", reason=plan.reason)
        self._moves.settle_stopped(cell)

    def _lose_sight(self, plan: Plan, cell: Cell, world: World) -> None:
        draining = cell.state is DRAINING
        cell.deadline, cell.stop = None, None
        self._moves.go(cell, UNKNOWN, "unknown", reason=plan.reason)
        if draining:
            self._errands.undrain(plan.key)

    def _utc_of(self, deadline: float | None) -> float | None:
        if deadline is None or deadline == float("-inf"):
            return None
        clock = self._moves.clock
        return clock.time() + deadline - clock.monotonic()
