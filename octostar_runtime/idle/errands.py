"""The calls to a service that may block or fail: probe, drain, stop, start. They run on the service's lane.

The engine's lock is held only to look up what to call and to write down what came of it, never during the call.
What comes back late is recognised by the generation (of a life) or the epoch (of a move) it belonged to.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from octostar_runtime.idle.decide import Action, Plan, decide
from octostar_runtime.idle.moves import Moves
from octostar_runtime.idle.services import Phase, Probe, ServiceBackend
from octostar_runtime.idle.state import DRAINING, FAILED, STARTING
from octostar_runtime.idle.world import World

logger = logging.getLogger(__name__)

#: So many probes in a row must fail before that is told.
ALERT_AFTER = 3


@dataclass(slots=True, kw_only=True)
class Errands:
    """``world`` is a fresh look at everything else; ``carry_out`` applies a plan; ``poke`` asks for a tick."""

    lock: threading.RLock
    moves: Moves
    world: Callable[[], World]
    carry_out: Callable[[Plan, World], object]
    poke: Callable[[], object]

    def look(self, key: str) -> None:
        """Probe once and keep the answer."""
        with self.lock:
            backend = self.moves.roster.backends.get(key)
            if backend is None:
                return
            generation = self.moves.roster.cells[key].generation
        try:
            self._keep(key, backend.probe(), generation)
        except Exception as error:  # noqa: BLE001 - a probe may raise anything; it means: not known
            self._keep_error(key, error)

    def drain(self, key: str) -> None:
        """Queue: refuse new work, let go of what it has."""
        cell = self.moves.roster.cells[key]
        epoch, timeout_s = cell.epoch, self.moves.rules(cell).drain_timeout_s
        self._submit(key, lambda backend: self._drain(backend, key, epoch, timeout_s))

    def undrain(self, key: str) -> None:
        """Queue: take work again."""
        timeout_s = self.moves.rules(self.moves.roster.cells[key]).drain_timeout_s
        self._submit(key, lambda backend: backend.drain(False, timeout_s=timeout_s))

    def commit(self, key: str) -> None:
        """Queue: look once more, and stop only if nothing has come up since."""
        cell = self.moves.roster.cells[key]
        epoch = cell.epoch
        cell.drained = False  # asked once; the lane answers by moving on, or by letting the drain run out
        self._submit(key, lambda backend: self._commit(backend, key, epoch))

    def stop(self, key: str) -> None:
        """Queue: stop, what was tried before and failed."""
        cell = self.moves.roster.cells[key]
        epoch, timeout_s = cell.epoch, self.moves.rules(cell).stop_timeout_s
        self._submit(key, lambda backend: self._stop(backend, key, epoch, timeout_s))

    def start(self, key: str) -> None:
        """Queue: start the generation that has just begun."""
        cell = self.moves.roster.cells[key]
        generation, again = cell.generation, cell.attempts > 0
        timeout_s = self.moves.rules(cell).start_timeout_s
        self._submit(key, lambda backend: self._start(backend, key, generation, timeout_s, again=again))

    def clean_up(self, key: str) -> None:
        """Queue: leave nothing half-started behind, so that the next start cannot make a second one."""
        cell = self.moves.roster.cells[key]
        generation, timeout_s = cell.generation, self.moves.rules(cell).stop_timeout_s
        self._submit(key, lambda backend: self._clean_up(backend, key, generation, timeout_s))

    def decide(self, world: World) -> Sequence[Plan]:
        """Decide for all services; under the lock."""
        views = [cell.view() for cell in self.moves.roster.cells.values()]
        return decide(self.moves.clock.monotonic(), world, self.moves.policy(), views)

    def _submit(self, key: str, job: Callable[[ServiceBackend], object]) -> None:
        backend = self.moves.roster.backends[key]
        self.moves.roster.lanes[key].submit(lambda: job(backend))

    # On the lane

    def _keep(self, key: str, probe: Probe, generation: int) -> None:
        with self.lock:
            cell = self.moves.roster.cells.get(key)
            if cell is None or cell.generation != generation:
                return
            news = cell.probe is None or cell.probe.phase != probe.phase or cell.probe_error is not None
            if probe.busy and not (cell.probe and cell.probe.busy):
                cell.busy_since = self.moves.clock.time()
            cell.probe, cell.probe_error, cell.probe_failures = probe, None, 0
            cell.probed_at = self.moves.clock.monotonic()
        if news:
            self.poke()

    def _keep_error(self, key: str, error: BaseException) -> None:
        with self.lock:
            cell = self.moves.roster.cells.get(key)
            if cell is None:
                return
            cell.probe_error = f"{type(error).__name__}: {error}"
            cell.probe_failures += 1
            if cell.probe_failures == ALERT_AFTER and cell.state is not STARTING:
                self.moves.tell("probe_alert", cell, reason=cell.probe_error, failures=cell.probe_failures)
        self._done()

    def _drain(self, backend: ServiceBackend, key: str, epoch: int, timeout_s: float) -> None:
        try:
            backend.drain(True, timeout_s=timeout_s)
        except Exception as error:  # noqa: BLE001 - a backend may raise anything
            logger.warning("draining %s failed, the stop is called off: %s", key, error)
            return
        with self.lock:
            cell = self.moves.roster.cells.get(key)
            if cell is not None and cell.epoch == epoch:
                cell.drained = True
        self.poke()

    def _commit(self, backend: ServiceBackend, key: str, epoch: int) -> None:
        """The commit point: a fresh probe, and under the lock every blocker once more."""
        self.look(key)
        world = self.world()
        with self.lock:
            cell = self.moves.roster.cells.get(key)
            if cell is None or cell.epoch != epoch or cell.state is not DRAINING:
                return  # a wake, or a refusal, came first
            cell.drained = True
            plan = next(plan for plan in self.decide(world) if plan.key == key)
            go = plan.action is Action.COMMIT
            if go:
                self.moves.begin_stopping(cell, plan)
            else:
                cell.drained = False
                self.carry_out(plan, world)
            epoch, timeout_s = cell.epoch, self.moves.rules(cell).stop_timeout_s
        self.moves.outbox.flush()
        if go:
            self._stop(backend, key, epoch, timeout_s)

    def _stop(self, backend: ServiceBackend, key: str, epoch: int, timeout_s: float) -> None:
        """Stop and verify. What does not die is tried again; until it is dead it counts as STOPPING."""
        error: BaseException | None = None
        try:
            backend.stop(timeout_s=timeout_s)
        except Exception as raised:  # noqa: BLE001 - a backend may raise anything
            error = raised
        with self.lock:
            cell = self.moves.roster.cells.get(key)
            if cell is None or cell.epoch != epoch:
                return
            if error is None:
                self.moves.stopped(cell)
            else:
                self.moves.stop_failed(cell, error)
        self._done()

    def _start(self, backend: ServiceBackend, key: str, generation: int, timeout_s: float, *, again: bool) -> None:
        try:
            if again or not _comes_up(backend):
                backend.start(timeout_s=timeout_s)
        except Exception as error:  # noqa: BLE001 - a backend may raise anything
            self._start_failed(key, generation, error)
            return
        with self.lock:
            cell = self.moves.roster.cells.get(key)
            if cell is not None and cell.generation == generation and cell.state is STARTING:
                cell.started, cell.probe = True, None

    def _start_failed(self, key: str, generation: int, error: BaseException) -> None:
        with self.lock:
            cell = self.moves.roster.cells.get(key)
            if cell is None or cell.generation != generation or cell.state is not STARTING:
                return  # a later generation is under way
            self.moves.fail(key, cell, f"{type(error).__name__}: {error}")
            self.clean_up(key)
        self._done()

    def _clean_up(self, backend: ServiceBackend, key: str, generation: int, timeout_s: float) -> None:
        with self.lock:
            cell = self.moves.roster.cells.get(key)
            if cell is None or cell.generation != generation or cell.state is not FAILED:
                return
        try:
            backend.stop(timeout_s=timeout_s)
        except Exception as error:  # noqa: BLE001 - a backend may raise anything
            logger.warning("cleaning up after %s failed: %s", key, error)

    def _done(self) -> None:
        self.moves.outbox.flush()
        self.poke()


def _comes_up(backend: ServiceBackend) -> bool:
    """Whether it already runs, or somebody else is starting it."""
    try:
        return backend.probe().phase in {Phase.RUNNING, Phase.STARTING}
    except Exception:  # noqa: BLE001 - not known: starting is harmless when it runs
        return False
