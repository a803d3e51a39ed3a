"""Who wants to hear of sessions, and telling them: process-wide and per-session callbacks, and the hooks for
"somebody came" and "everybody has gone".

Announcing only queues work for the dispatcher; no user code runs in the caller's thread.
"""

import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence

from octostar_runtime.models.sessions import CallbackRecord, SessionEvent
from octostar_runtime.sessions.callbacks import Callback, SessionCallback, callback_key, check_event
from octostar_runtime.sessions.dispatcher import Dispatcher, Lane
from octostar_runtime.sessions.live_session import LiveSession

SHOWN_CALLBACKS = 1_000
REMEMBERED_TROUBLES = 200


class Announcer:
    """Registered callbacks by event. ``held_up`` is called when a callback keeps all workers busy."""

    def __init__(self, dispatcher: Dispatcher, *, slow_after_s: float, held_up: Callable[[], object]) -> None:
        self._dispatcher = dispatcher
        self._slow_after_s = slow_after_s
        self._held_up = held_up
        self._lock = threading.Lock()
        self._everyone: dict[str, dict[Hashable, tuple[Callback, Lane]]] = {}
        self._troubled: deque[CallbackRecord] = deque(maxlen=REMEMBERED_TROUBLES)

    def add(
        self, event: str, fn: SessionCallback, session: LiveSession | None, key: Hashable | None
    ) -> tuple[Callback, bool]:
        """Register a callback and tell whether it is new; the same key (or definition) replaces the one before."""
        check_event(event, session.session_id if session is not None else None)
        chosen = callback_key(fn) if key is None else key
        with self._lock:
            if session is not None:
                return self._add_to_session(event, fn, session, chosen)
            known = self._everyone.get(event, {}).get(chosen)
            if known is not None:
                known[0].fn = fn
                return known[0], False
            callback = Callback(event, fn, session_id=None, slow_after_s=self._slow_after_s)
            # replaced, not changed: announcing reads without the lock
            self._everyone = {
                **self._everyone,
                event: {**self._everyone.get(event, {}), chosen: (callback, Lane())},
            }
            return callback, True

    def _add_to_session(
        self, event: str, fn: SessionCallback, session: LiveSession, key: Hashable
    ) -> tuple[Callback, bool]:
        known = session.callbacks.get((event, key))
        if known is not None:
            known.fn = fn  # a rerun of the script defines its callbacks anew; the newest closure counts
            return known, False
        callback = Callback(event, fn, session_id=session.session_id, slow_after_s=self._slow_after_s)
        session.callbacks = {**session.callbacks, (event, key): callback}
        if event == "heartbeat":
            session.lane.beats = (*session.lane.beats, callback)
        return callback, True

    def remove(self, callback: Callback, session: LiveSession | None) -> None:
        """Forget a callback; one that is under way ends by itself."""
        with self._lock:
            if session is not None:
                session.callbacks = {k: c for k, c in session.callbacks.items() if c is not callback}
                session.lane.beats = tuple(c for c in session.lane.beats if c is not callback)
                return
            kept = {k: pair for k, pair in self._everyone.get(callback.event, {}).items() if pair[0] is not callback}
            self._everyone = {**self._everyone, callback.event: kept}

    def announce(self, session: LiveSession, event: SessionEvent) -> None:
        """Queue ``event`` for the session's own callbacks, then for everyone's."""
        held_up = False
        for (kind, _), callback in session.callbacks.items():
            if kind == event.kind:
                held_up |= self._dispatcher.submit(session.lane, (callback, event, session.scope))
        for callback, lane in self._everyone.get(event.kind, {}).values():
            held_up |= self._dispatcher.submit(lane, (callback, event, session.scope))
        if held_up:
            self._held_up()

    def announce_to(self, callback: Callback, session: LiveSession, event: SessionEvent) -> None:
        """Queue ``event`` for one of everyone's callbacks alone."""
        for known, lane in self._everyone.get(callback.event, {}).values():
            if known is callback and self._dispatcher.submit(lane, (callback, event, session.scope)):
                self._held_up()

    def heartbeats(self, sessions: Sequence[LiveSession]) -> None:
        """Queue one heartbeat for every given session; a session still busy with its last one is passed over."""
        self._dispatcher.beat([session.lane for session in sessions if session.lane.beats])
        for callback, shared in self._everyone.get("heartbeat", {}).values():
            for session in sessions:
                self._dispatcher.put(shared, (callback, session.pulse, session.scope))
        if self._dispatcher.backlogged and self._dispatcher.wake():
            self._held_up()

    @property
    def wants_heartbeats(self) -> bool:
        """Whether anybody registered for everyone's heartbeats."""
        return bool(self._everyone.get("heartbeat"))

    def forget(self, session: LiveSession) -> None:
        """Keep the record of an ended session's callbacks that failed or were slow."""
        for callback in session.callbacks.values():
            if callback.troubled:
                self._troubled.append(callback.record())

    def records(self, sessions: Iterable[LiveSession]) -> tuple[CallbackRecord, ...]:
        """Return the health of callbacks: everyone's, those in trouble, then the rest, at most 1,000."""
        shared = [callback for by_key in self._everyone.values() for callback, _ in by_key.values()]
        own = [callback for session in sessions for callback in session.callbacks.values()]
        own.sort(key=lambda callback: not callback.troubled)
        found = [callback.record() for callback in shared + own[:SHOWN_CALLBACKS]]
        return tuple(found + list(self._troubled))[:SHOWN_CALLBACKS]
