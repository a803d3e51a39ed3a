"""Running totals of sessions and their callbacks: what has gone from a snapshot must not be taken off a counter."""

import threading
from collections import Counter
from dataclasses import dataclass

from octostar_runtime.models.durations import Durations
from octostar_runtime.models.fleet import FleetSnapshot
from octostar_runtime.models.sessions import CallbackRecord, SessionRecord, SessionState

#: Calls, failures and dropped events of a callback that was not there before.
_NONE = (0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTotalsView:
    """The totals at one moment."""

    started: int
    ended: dict[str, int]  # by reason
    reconnects: int
    bytes_in: int
    bytes_out: int
    script_runs: Durations
    callback_calls: dict[str, int]  # by event
    callback_failures: dict[str, int]
    callback_dropped: dict[str, int]


@dataclass(slots=True)
class _Seen:
    bytes_in: int = 0
    bytes_out: int = 0
    reconnects: int = 0
    last_run_at: float | None = None
    ended: bool = False


class SessionTotals:
    """Follows snapshots; each session and callback counts for what it grew since the one before. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: FleetSnapshot | None = None
        self._sessions: dict[str, _Seen] = {}
        self._callbacks: dict[tuple[str, str, str | None], tuple[int, int, int]] = {}
        self._started = self._reconnects = self._in = self._out = 0
        self._ended: Counter[str] = Counter()
        self._scripts = Durations()
        self._calls: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()

    def follow(self, snapshot: FleetSnapshot) -> None:
        """Count what is new; the first snapshot only tells what is past."""
        with self._lock:
            if snapshot is self._last:
                return
            first, self._last = self._last is None, snapshot
            self._follow_sessions(snapshot.sessions, quietly=first)
            self._follow_callbacks(snapshot.callbacks)

    def read(self) -> SessionTotalsView:
        """Return the totals."""
        with self._lock:
            return SessionTotalsView(
                started=self._started,
                ended=dict(self._ended),
                reconnects=self._reconnects,
                bytes_in=self._in,
                bytes_out=self._out,
                script_runs=self._scripts.copy(),
                callback_calls=dict(self._calls),
                callback_failures=dict(self._failures),
                callback_dropped=dict(self._dropped),
            )

    def _follow_sessions(self, sessions: tuple[SessionRecord, ...], *, quietly: bool) -> None:
        known, self._sessions = self._sessions, {}
        for session in sessions:
            before = known.get(session.session_id)
            seen = self._sessions[session.session_id] = before or _Seen()
            if quietly:
                _take(seen, session)
                continue
            self._started += before is None
            self._in += max(0, session.bytes_in - seen.bytes_in)
            self._out += max(0, session.bytes_out - seen.bytes_out)
            self._reconnects += max(0, session.reconnects - seen.reconnects)
            if session.last_run_s is not None and session.last_run_at != seen.last_run_at:
                self._scripts.add(session.last_run_s)
            if session.state is SessionState.ENDED and not seen.ended:
                self._ended[session.end_reason.value if session.end_reason else "closed"] += 1
            _take(seen, session)

    def _follow_callbacks(self, callbacks: tuple[CallbackRecord, ...]) -> None:
        now: dict[tuple[str, str, str | None], tuple[int, int, int]] = {}
        for callback in callbacks:
            key = (callback.name, callback.event, callback.session_id)
            calls, failures, dropped = now.get(key, _NONE)  # two nodes may have a process-wide one of the same name
            now[key] = (calls + callback.calls, failures + callback.failures, dropped + callback.dropped)
        for key, counts in now.items():
            before = self._callbacks.get(key, _NONE)
            if any(count < known for count, known in zip(counts, before, strict=True)):
                before = _NONE  # counted from the start again
            for totals, count, known in zip((self._calls, self._failures, self._dropped), counts, before, strict=True):
                totals[key[1]] += count - known
        self._callbacks = now


def _take(seen: _Seen, session: SessionRecord) -> None:
    seen.bytes_in, seen.bytes_out, seen.reconnects = session.bytes_in, session.bytes_out, session.reconnects
    seen.last_run_at, seen.ended = session.last_run_at, session.state is SessionState.ENDED
