"""Announcements that also reach whoever comes later, for as long as they last: what this process knows of them."""

import threading
from collections import deque
from collections.abc import Iterable

from octostar_runtime.clock import Clock
from octostar_runtime.models.sessions import Notice, OperatorMessage

MOST_NOTICES = 10
#: Withdrawn ids that are remembered, so that pages take their banners away.
REMEMBERED = 100


class Notices:
    """A few lasting messages; safe from any thread. The oldest gives way when there are too many."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._posted: dict[str, tuple[float, OperatorMessage]] = {}  # by id: monotonic end
        self._shared: set[str] = set()  # those that the store knows, too
        self._withdrawn: deque[str] = deque(maxlen=REMEMBERED)

    def post(self, message: OperatorMessage, lasting_s: float, *, shared: bool = False) -> None:
        """Show ``message`` to newcomers for ``lasting_s`` seconds; ``shared``: every node does."""
        with self._lock:
            if message.notice_id in self._withdrawn:
                return  # an order to withdraw it was faster
            self._posted[message.notice_id] = (self._clock.monotonic() + lasting_s, message)
            if shared:
                self._shared.add(message.notice_id)
            while len(self._posted) > MOST_NOTICES:
                self._remove(next(iter(self._posted)))

    def current(self) -> tuple[OperatorMessage, ...]:
        """Return the messages that still last, oldest first."""
        now = self._clock.monotonic()
        with self._lock:
            for notice_id in [known for known, (until, _) in self._posted.items() if until <= now]:
                self._remove(notice_id)
            return tuple(message for _, message in self._posted.values())

    def withdraw(self, notice_id: str) -> None:
        """Show it no longer, and no longer where it is shown."""
        with self._lock:
            self._remove(notice_id)
            if notice_id not in self._withdrawn:
                self._withdrawn.append(notice_id)

    def is_withdrawn(self, notice_id: str) -> bool:
        """Whether a page that shows it is to take it away."""
        return bool(notice_id) and notice_id in self._withdrawn

    def shared(self) -> frozenset[str]:
        """Return the ids that were learned from the store or from other nodes."""
        with self._lock:
            return frozenset(self._shared)

    def follow(self, known_before: frozenset[str], stored: Iterable[Notice]) -> frozenset[str]:
        """Take over what the store holds; returns the ids that are to be withdrawn, because it holds them no more.

        ``known_before`` is :meth:`shared` from before the store was asked: what came since is not missing there.
        """
        found = {notice.notice_id: notice for notice in stored}
        now, new = self._clock.time(), found.keys() - self.shared()
        for notice in [notice for notice in found.values() if notice.notice_id in new]:
            self.post(as_message(notice), notice.until - now, shared=True)
        self.current()  # what has run out is not withdrawn
        return (known_before - found.keys()) & self.shared()

    def _remove(self, notice_id: str) -> None:
        self._posted.pop(notice_id, None)
        self._shared.discard(notice_id)


def as_message(notice: Notice) -> OperatorMessage:
    """Return what a page shows of a notice."""
    return OperatorMessage(text=notice.text, level=notice.level, by=notice.by, at=notice.at, notice_id=notice.notice_id)
