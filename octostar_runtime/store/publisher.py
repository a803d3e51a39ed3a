"""The publisher: the only writer of a node's runs, sessions and events, a few times a second and never on their path.

Those who change something only poke. The publisher's thread then fetches what changed, coalesced to the newest
version of each row, and stores it in one transaction. Is the store away, rows wait in a bounded buffer.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from octostar_runtime.clock import Clock
from octostar_runtime.errors import StoreUnavailable
from octostar_runtime.events import EventBus
from octostar_runtime.models.events import Event
from octostar_runtime.models.fleet import StoreHealth
from octostar_runtime.models.runs import RunRecord
from octostar_runtime.models.sessions import SessionRecord
from octostar_runtime.periodic import PeriodicThread
from octostar_runtime.store.batch import Batch
from octostar_runtime.store.buffer import Buffer
from octostar_runtime.store.port import Store

logger = logging.getLogger(__name__)
INTERVAL_S = 0.25
FIRST_PAUSE_S = 0.02  # after a quiet time: long enough for what belongs together, too short to be noticed
RETRY_S = 1.0
CAPACITY = 50_000
ROWS_AT_ONCE = 1_000
MOST_PIECES = 300  # what can wait here and in the managers; whoever stores that much does not store what still comes
REST_RATIO = 4.0  # under a flood, rest this many times as long as a batch took: the app's own work comes first
MOST_REST_S = 0.4
MOST_WAIT_S = 5.0  # for a flush of somebody else
SILENT_S = 5.0  # a store that takes longer than this to take a batch is as good as away
PortableArguments = Callable[[str], Mapping[str, object] | None]


class Publisher:
    """Carries changes to the store. ``on_change`` may be called from any thread, as often as one likes.

    ``drain_runs(limit)`` returns what changed since it was last called; fewer than ``limit`` means all of it.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        drain_runs: Callable[[int], Sequence[RunRecord]],
        drain_sessions: Callable[[], Sequence[SessionRecord]],
        bus: EventBus,
        portable_arguments: PortableArguments | None = None,
        interval_s: float = INTERVAL_S,
        capacity: int = CAPACITY,
    ) -> None:
        self._store = store
        self._clock = clock
        self._drain_runs = drain_runs
        self._drain_sessions = drain_sessions
        self._portable_arguments = portable_arguments
        self._interval_s = interval_s
        self._buffer = Buffer(capacity)
        self._dirty = False
        self._dirty_since: float | None = None
        self._lag_s = 0.0
        self._writing_since: float | None = None
        self._refused: str | None = None  # why the last batch could not be stored
        self._last_flush = -interval_s
        self._flushing = threading.Lock()
        self._stopping = threading.Event()
        self._hurry = threading.Event()
        self._thread = PeriodicThread("octostar-publisher", self._turn, interval_s=None)
        self._unsubscribe = bus.subscribe(self._on_event)

    def start(self) -> None:
        """Begin to publish."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """Store what is left and stop; False when something could not be stored."""
        self._unsubscribe()
        self._stopping.set()
        self._hurry.set()
        if not self._thread.stop(timeout_s):
            return False  # the store hangs; who stops does not hang with it
        return self.flush_now()

    def on_change(self, *_: object) -> None:
        """Note that something changed. Cheap: the first call after a flush pokes the thread, others do nothing."""
        if not self._dirty:
            self._dirty = True
            self._dirty_since = self._clock.monotonic()
            self._thread.poke()

    def flush_now(self) -> bool:
        """Store what is pending now, in the caller's thread; False when the store would not have it."""
        self._hurry.set()  # a flush under way in the background stops resting
        if not self._flushing.acquire(timeout=MOST_WAIT_S):
            return False
        try:
            self._hurry.clear()
            return self._carry(rest=False)
        finally:
            self._flushing.release()

    def health(self) -> StoreHealth:
        """Return how the store does, and what waits for it here."""
        since = self._dirty_since
        waiting = 0.0 if since is None else self._clock.monotonic() - since
        health = self._store.health()
        if health.ok and self._refused is not None:  # something small may go through meanwhile
            health = replace(health, ok=False, error=self._refused)
        began = self._writing_since
        silent = 0.0 if began is None else self._clock.monotonic() - began
        if health.ok and silent >= SILENT_S:
            health = replace(health, ok=False, error=f"it has not answered for {silent:.0f} s")
        return replace(
            health, buffered=len(self._buffer), dropped=self._buffer.dropped, lag_s=max(self._lag_s, waiting)
        )

    def _on_event(self, event: Event) -> None:
        self._buffer.add_event(event)
        self.on_change()

    def _turn(self) -> None:
        """One turn of the thread: let changes gather, then flush; while the store is away, come back in a while."""
        due = max(self._last_flush + self._interval_s, self._clock.monotonic() + FIRST_PAUSE_S)
        self._stopping.wait(due - self._clock.monotonic())
        with self._flushing:
            stored = self._carry(rest=True)
        self._thread.interval_s = None if stored else RETRY_S

    def _carry(self, *, rest: bool) -> bool:
        """Fetch and store piece by piece, until nothing is left; False when the store would not have it."""
        since, more, pieces = self._dirty_since, True, 0
        while more and (rest or pieces < MOST_PIECES):
            began = time.monotonic()
            waits = len(self._buffer) >= ROWS_AT_ONCE or self._fetch()
            batch = self._buffer.take(ROWS_AT_ONCE)
            if batch and not self._store_batch(batch):
                self._fetch_all()
                return False
            more = waits or len(batch) >= ROWS_AT_ONCE
            pieces += 1
            if more and rest:
                self._hurry.wait(min(REST_RATIO * (time.monotonic() - began), MOST_REST_S))
        if more:
            self._thread.poke()  # for what came meanwhile
        else:
            self._note_lag(since)
        return True

    def _fetch(self) -> bool:
        """Take over a piece of what changed; True while more may wait.

        A piece at a time: whoever looks at thousands of runs in one go takes that time from the app's own threads.
        """
        if self._buffer.full_of_ends:
            return True  # the managers have to keep it until there is room for it
        self._dirty = False  # before fetching: whatever changes from here on pokes again
        runs = self._drain_runs(ROWS_AT_ONCE)
        self._buffer.add_runs(runs)
        self._buffer.add_sessions(self._drain_sessions())
        return len(runs) >= ROWS_AT_ONCE

    def _fetch_all(self) -> None:
        """Take over as much as there is room for: the managers let go of what is old."""
        for _ in range(self._buffer.capacity // ROWS_AT_ONCE + 1):
            if self._buffer.full_of_ends or not self._fetch():
                return

    def _note_lag(self, since: float | None) -> None:
        if since is not None:
            self._lag_s = self._clock.monotonic() - since
        if not self._dirty:
            self._dirty_since = None

    def _store_batch(self, batch: Batch) -> bool:
        self._writing_since = self._clock.monotonic()
        try:
            self._write(replace(batch, portable=self._portable(batch.runs)))
        except StoreUnavailable as error:
            self._buffer.put_back(batch)
            self._refused = self._store.health().error or str(error)
            logger.warning("%s; %d changes wait", error, len(self._buffer))
            return False
        finally:
            self._writing_since = None
            self._last_flush = self._clock.monotonic()
        self._refused = None
        return True

    def _write(self, batch: Batch) -> None:
        """Store a batch; when something in it cannot be stored at all, store the rest and drop that."""
        try:
            self._store.write(batch)
        except StoreUnavailable:
            raise
        except Exception:
            logger.exception("a batch of %d changes was refused; trying them one by one", len(batch))
            for single in _singles(batch):
                self._write_single(single)

    def _write_single(self, single: Batch) -> None:
        try:
            self._store.write(single)
        except StoreUnavailable:
            raise
        except Exception:
            self._buffer.dropped += 1
            logger.exception("one change cannot be stored and was dropped: %s", _named(single))

    def _portable(self, runs: Sequence[RunRecord]) -> dict[str, str]:
        """Return the arguments of those runs that can be repeated on another node, as JSON."""
        if self._portable_arguments is None:
            return {}
        found: dict[str, str] = {}
        for run in runs:
            if run.function is None:
                continue
            try:
                arguments = self._portable_arguments(run.run_id)
                if arguments is not None:
                    found[run.run_id] = json.dumps(dict(arguments), allow_nan=False)
            except (TypeError, ValueError):
                logger.debug("the arguments of run %s are no JSON; it can be repeated on its own node only", run.run_id)
        return found


def _singles(batch: Batch) -> Iterator[Batch]:
    for run in batch.runs:
        yield Batch(runs=(run,), portable=batch.portable)
    for session in batch.sessions:
        yield Batch(sessions=(session,))
    for event in batch.events:
        yield Batch(events=(event,))


def _named(batch: Batch) -> str:
    for run in batch.runs:
        return f"run {run.run_id}"
    for session in batch.sessions:
        return f"session {session.session_id}"
    return f"event {batch.events[0].kind}" if batch.events else "nothing"
