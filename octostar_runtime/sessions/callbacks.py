"""Registered session callbacks: what is known of them, and the one way they are called.

A callback is user code: it is called on a worker of the dispatcher (or on the script thread that registered it),
never under a lock of ours; whatever it raises is logged and counted and goes no further.
"""

import logging
from collections.abc import Callable, Hashable
from time import monotonic

from octostar_runtime.errors import InvalidInput
from octostar_runtime.models.sessions import CallbackRecord, SessionEvent
from octostar_runtime.sessions.control import Scope

logger = logging.getLogger(__name__)
SessionCallback = Callable[[SessionEvent], object]

SESSION_EVENTS = frozenset({"start", "heartbeat", "disconnect", "reconnect", "dormant", "awake", "end"})
#: About everybody together, so never registered for one session.
PROCESS_EVENTS = frozenset({"first_start", "all_ended"})


class Callback:
    """One registered callable and how it has fared. Counters are written by whoever runs it."""

    __slots__ = (
        "_calls",
        "_failures",
        "_last_error",
        "_last_s",
        "dropped",
        "event",
        "fn",
        "name",
        "session_id",
        "slow",
        "slow_after_s",
    )

    def __init__(self, event: str, fn: SessionCallback, *, session_id: str | None, slow_after_s: float) -> None:
        self.event = event
        self.fn = fn
        self.name = callback_name(fn)
        self.session_id = session_id
        self.slow_after_s = slow_after_s
        self.slow = 0
        self.dropped = 0  # events that found its lane full and were not queued
        self._calls = 0
        self._failures = 0
        self._last_error: str | None = None
        self._last_s: float | None = None

    def run(self, event: SessionEvent, scope: Scope | None, started: float) -> float:
        """Call it with ``event``, inside the session's scope when there is one; never raises an Exception.

        ``started`` is ``time.monotonic()`` of now, which the caller has at hand; returns that of the call's end.
        """
        previous = scope.enter() if scope is not None else None
        try:
            self.fn(event)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - user code must not end the worker
            self.failed(error)
        finally:
            if scope is not None:
                scope.exit(previous)
            self._calls += 1
            ended = monotonic()
            self._last_s = took = ended - started
            if took > self.slow_after_s:
                self.slow += 1
        return ended

    def failed(self, error: BaseException) -> None:
        """Count what a call raised, and log it."""
        self._failures += 1
        self._last_error = f"{type(error).__name__}: {error}"[:500]
        # one full traceback per callback; a heartbeat that always fails must not fill the log
        if self._failures == 1:
            logger.error("session callback %s (%s) failed; it stays registered", self.name, self.event, exc_info=error)
        else:
            logger.debug("session callback %s (%s) failed again: %s", self.name, self.event, self._last_error)

    def drop(self) -> None:
        """Count an event that was not queued, because too many wait already."""
        self.dropped += 1
        if self.dropped == 1:
            logger.error("session callback %s (%s) cannot keep up; events are dropped", self.name, self.event)

    @property
    def troubled(self) -> bool:
        """Whether it ever failed, was slow or missed an event."""
        return bool(self._failures or self.slow or self.dropped)

    def record(self) -> CallbackRecord:
        """Return its health, frozen."""
        return CallbackRecord(
            name=self.name,
            event=self.event,
            session_id=self.session_id,
            calls=self._calls,
            failures=self._failures,
            slow=self.slow,
            dropped=self.dropped,
            last_error=self._last_error,
            last_s=self._last_s,
        )


def check_event(event: str, session_id: str | None) -> None:
    """Raise InvalidInput for an event there is not."""
    if event in SESSION_EVENTS or (event in PROCESS_EVENTS and session_id is None):
        return
    if event in PROCESS_EVENTS:
        raise InvalidInput(f"{event!r} is about all sessions together; leave session_id out")
    known = ", ".join(sorted(SESSION_EVENTS | PROCESS_EVENTS))
    raise InvalidInput(f"there is no session event {event!r}; use one of {known}")


def callback_name(fn: Callable[..., object]) -> str:
    """Return ``module.qualname`` of a callable, looking through partials and our own wrappers."""
    inner = getattr(fn, "__wrapped__", None) or getattr(fn, "func", None) or fn
    name = getattr(inner, "__qualname__", type(inner).__qualname__)
    return f"{getattr(inner, '__module__', None) or '?'}.{name}"


def callback_key(fn: Callable[..., object]) -> Hashable:
    """Return what stays equal when a script defines the same callback again in its next run.

    Where it is written, not which object it is: lambdas by their line, everything else by its name.
    """
    inner = getattr(fn, "__wrapped__", None) or getattr(fn, "func", None) or fn
    name = callback_name(inner)
    code = getattr(inner, "__code__", None)
    if code is None:
        return name
    return (name, code.co_filename, code.co_firstlineno if "<lambda>" in name else 0)
