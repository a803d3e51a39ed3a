"""The bus: capabilities say what happened, others listen, neither knows the other.

Publishing calls the subscribers in the publisher's thread, so a subscriber must be quick (append, poke) and must
not block. A subscriber that raises is logged and counted; the others still hear the event.
"""

import logging
import threading
from collections.abc import Callable

from octostar_runtime.models.events import Event

logger = logging.getLogger(__name__)
Subscriber = Callable[[Event], object]


class EventBus:
    """Fan out frozen events to subscribers, in order of subscription."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscribers: tuple[Subscriber, ...] = ()
        self.failures = 0

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Add a subscriber and return the function that removes it again."""
        with self._lock:
            self._subscribers = (*self._subscribers, subscriber)

        def unsubscribe() -> None:
            with self._lock:
                self._subscribers = tuple(s for s in self._subscribers if s is not subscriber)

        return unsubscribe

    def publish(self, event: Event) -> None:
        """Hand ``event`` to every subscriber; never raises."""
        for subscriber in self._subscribers:
            try:
                subscriber(event)
            except Exception:
                self.failures += 1
                logger.exception("a subscriber failed on event %s", event.kind)
