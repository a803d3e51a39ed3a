"""Keeps the lasting messages of a process equal to the store's: after a restart, and when an order was missed."""

import logging
import time

from octostar_runtime.errors import StoreUnavailable
from octostar_runtime.sessions import SessionRegistry
from octostar_runtime.sessions.notice_book import NoticeBook

logger = logging.getLogger(__name__)
EVERY_S = 10.0


class NoticeWatch:
    """``turn`` is called often and asks the store every ten seconds."""

    def __init__(self, sessions: SessionRegistry, book: NoticeBook) -> None:
        self._sessions = sessions
        self._book = book
        self._next = 0.0

    def turn(self) -> None:
        """Look, when it is time."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + EVERY_S
        try:
            self._sessions.follow_notices(self._book)
        except StoreUnavailable as error:
            logger.debug("lasting messages are looked for later: %s", error)
