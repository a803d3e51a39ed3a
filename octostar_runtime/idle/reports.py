"""What the controller tells others: events, warnings, answers to wakes. Collected under its lock, sent outside."""

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from octostar_runtime.clock import Clock
from octostar_runtime.models.durations import Durations
from octostar_runtime.models.events import Event
from octostar_runtime.models.services import Blocker
from octostar_runtime.ports import EventSink

logger = logging.getLogger(__name__)

#: Blockers told in one event; their number is always told.
TOLD = 10


@dataclass(slots=True)
class Figures:
    """Totals since the controller started, by service name; for metrics."""

    starts: Counter[str] = field(default_factory=Counter)
    stops: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    wakes: Counter[str] = field(default_factory=Counter)
    refused_stops: Counter[str] = field(default_factory=Counter)
    start_times: dict[str, Durations] = field(default_factory=dict)
    stop_times: dict[str, Durations] = field(default_factory=dict)
    ticks: int = 0
    last_tick_s: float = 0.0

    def started(self, name: str, took_s: float) -> None:
        """A start has led to a service that is ready."""
        self.start_times.setdefault(name, Durations()).add(took_s)

    def stopped(self, name: str, took_s: float) -> None:
        """A stop has led to a service that is verified dead."""
        self.stops[name] += 1
        self.stop_times.setdefault(name, Durations()).add(took_s)


class Outbox:
    """Events and calls waiting to go out. Filled under the controller's lock; ``flush`` is called without it."""

    def __init__(self, *, node_id: str, clock: Clock, sink: EventSink) -> None:
        self._node_id = node_id
        self._clock = clock
        self._sink = sink
        self._waiting: deque[Callable[[], object]] = deque()

    def event(
        self,
        kind: str,
        subject: str,
        *,
        actor: str | None = None,
        reason: str = "",
        blockers: Iterable[Blocker] = (),
        **data: object,
    ) -> None:
        """Queue an event; values of None are left out."""
        told = list(blockers)
        detail = {name: value for name, value in data.items() if value is not None}
        if told:
            detail["blockers"] = [f"{b.kind} {b.id} {b.label}".strip() for b in told[:TOLD]]
            detail["blocker_count"] = len(told)
        event = Event(
            kind=kind,
            subject=subject,
            at=self._clock.time(),
            node_id=self._node_id,
            actor=actor,
            reason=reason or None,
            data=detail,
        )
        self.call(lambda: self._sink.publish(event))

    def call(self, function: Callable[[], object]) -> None:
        """Queue a call."""
        self._waiting.append(function)

    def flush(self) -> None:
        """Send everything; what fails is logged and the rest still goes."""
        while self._waiting:
            try:
                function = self._waiting.popleft()
            except IndexError:
                return
            try:
                function()
            except Exception:
                logger.exception("a report of the idle controller failed")
