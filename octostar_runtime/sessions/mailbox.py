"""Messages operators leave for a session, until its page shows them.

There is no safe way into another session's ``st.session_state``; a page collects its own mail in its next run.
"""

import threading
from collections import deque

from octostar_runtime.models.sessions import OperatorMessage


class Mailbox:
    """One session's mail; safe from any thread. Beyond ``limit`` the oldest is dropped and counted."""

    __slots__ = ("_lock", "_messages", "dropped")

    def __init__(self, limit: int = 20) -> None:
        self._lock = threading.Lock()
        self._messages: deque[OperatorMessage] = deque(maxlen=limit)
        self.dropped = 0

    def put(self, message: OperatorMessage) -> None:
        """Add a message."""
        with self._lock:
            if len(self._messages) == self._messages.maxlen:
                self.dropped += 1
            self._messages.append(message)

    def take(self) -> tuple[OperatorMessage, ...]:
        """Return the waiting messages, oldest first, and empty the box: each is handed out once."""
        with self._lock:
            waiting = tuple(self._messages)
            self._messages.clear()
            return waiting

    def discard(self, notice_id: str) -> None:
        """Take a notice out that nobody has read yet."""
        with self._lock:
            kept = [message for message in self._messages if message.notice_id != notice_id]
            self._messages.clear()
            self._messages.extend(kept)

    def __len__(self) -> int:
        return len(self._messages)
