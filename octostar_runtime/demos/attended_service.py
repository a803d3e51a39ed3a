"""A service that runs while somebody is connected: the simplest thing that can be switched on and off."""

import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendance:
    """The service at one moment. Times are UTC seconds."""

    sessions: int
    started_at: float | None
    stopped_at: float | None
    starts: int


class AttendedService:
    """Starts with the first session, stops with the last. Safe from any thread; knows no Streamlit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: set[str] = set()
        self._started_at: float | None = None
        self._stopped_at: float | None = None
        self._starts = 0

    def arrive(self, session: str) -> None:
        """Somebody came."""
        with self._lock:
            if not self._sessions:
                self._started_at = time.time()
                self._starts += 1
            self._sessions.add(session)

    def leave(self, session: str) -> None:
        """Somebody left; the last one switches the service off."""
        with self._lock:
            if session in self._sessions:
                self._sessions.remove(session)
                if not self._sessions:
                    self._started_at, self._stopped_at = None, time.time()

    def attendance(self) -> Attendance:
        """Return how it stands."""
        with self._lock:
            return Attendance(
                sessions=len(self._sessions),
                started_at=self._started_at,
                stopped_at=self._stopped_at,
                starts=self._starts,
            )
