"""A session: one browser tab of a Streamlit app."""

from dataclasses import dataclass
from enum import StrEnum


class SessionState(StrEnum):
    """Where a session stands. CONNECTED <-> DISCONNECTED -> ENDED; DORMANT is connected but long untouched."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    DORMANT = "dormant"
    ENDED = "ended"


class EndReason(StrEnum):
    """Why a session ended."""

    CLOSED = "closed"  # the tab went away and did not come back within the resume time
    LOST = "lost"  # its node died
    LOGOUT = "logout"
    KICKED = "kicked"  # an operator ended it
    SERVER_STOP = "server_stop"
    EVICTED = "evicted"  # the server needed the room
    RELOADED = "reloaded"  # a reload replaced it; its successor adopted its tasks


class Life(StrEnum):
    """How fresh the last proof of life from the browser is."""

    OK = "ok"
    LATE = "late"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """A session frozen at one moment. ``*_at`` are UTC seconds, ``*_s`` seconds.

    ``observer`` is true while the session's current page is a console page: an operator who watches is not a
    user. ``last_seen_at`` is the last proof of life from the browser, never our own sweep.
    """

    session_id: str
    node_id: str
    state: SessionState
    connected_at: float
    last_seen_at: float
    life: Life = Life.OK
    observer: bool = False
    user: str | None = None
    remote_address: str | None = None
    browser: str | None = None
    page: str | None = None
    disconnected_at: float | None = None
    ended_at: float | None = None
    end_reason: EndReason | None = None
    last_interaction_at: float | None = None
    last_run_at: float | None = None
    last_run_s: float | None = None
    running: bool = False
    reconnects: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    predecessor: str | None = None
    seq: int = 0

    @property
    def counts_as_person(self) -> bool:
        """Whether the idle policy counts this session as somebody connected."""
        return self.state is SessionState.CONNECTED and not self.observer


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackRecord:
    """Health of one registered session callback."""

    name: str
    event: str
    session_id: str | None  # None: process-wide
    calls: int = 0
    failures: int = 0
    slow: int = 0
    dropped: int = 0  # events it was never called with: too many waited already
    last_error: str | None = None
    last_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionContext:
    """Whose code is running: what a task submitted from a page is attributed to."""

    session_id: str
    user: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvent:
    """What a session callback is told. ``kind``: start, heartbeat, disconnect, reconnect, dormant, awake or end;
    first_start and all_ended carry the session that brought them about."""

    kind: str
    session_id: str
    reason: EndReason | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorMessage:
    """A message an operator left for a session. ``level`` is info, warning or error; ``at`` UTC seconds."""

    text: str
    level: str
    by: str
    at: float
    sticky: bool = False  # shown until the page changes, not only for a moment
    countdown: bool = False  # pages with a countdown of their own do not show it a second time
    notice_id: str = ""  # of the notice it is, when it lasts


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message that is also shown to whoever comes before ``until``. Times are UTC seconds."""

    notice_id: str
    text: str
    level: str
    by: str
    at: float
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ComingStop:
    """A service is about to be stopped. ``stops_at`` is UTC seconds.

    ``may_keep_s``: for how many seconds a user may put it off; None when they may not.
    """

    service: str
    text: str
    stops_at: float
    may_keep_s: float | None = None
