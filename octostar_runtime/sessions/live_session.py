"""What the registry holds of one session while it lasts.

Written by the server's event loop (frames, runs) and, under the registry's lock, by state changes; read from
anywhere through :meth:`LiveSession.snapshot`. Every write ends with :meth:`LiveSession.changed`.
"""

import itertools
from collections.abc import Hashable

from octostar_runtime.models.sessions import EndReason, Life, SessionEvent, SessionRecord, SessionState
from octostar_runtime.sessions.callbacks import Callback
from octostar_runtime.sessions.control import Scope
from octostar_runtime.sessions.dispatcher import Lane
from octostar_runtime.sessions.mailbox import Mailbox
from octostar_runtime.sessions.visitor import Visitor

_versions = itertools.count(1)  # next() is atomic, so versions of a session never repeat
# a look at an enum's member costs a call in Python 3.11, too much for what is asked of every session in every sweep
_CONNECTED, _DORMANT, _ALIVE = SessionState.CONNECTED, SessionState.DORMANT, Life.OK


class LiveSession:
    """One session, mutable. Times named ``*_mono`` are monotonic, ``*_at`` UTC seconds."""

    __slots__ = (
        "_frozen",
        "bytes_in",
        "bytes_out",
        "callbacks",
        "claimed_by",
        "connected_at",
        "connected_mono",
        "disconnected_at",
        "disconnected_mono",
        "dormant_before",
        "end_reason",
        "ended_at",
        "ended_by",
        "ends_mono",
        "hears_pings",
        "interaction_at",
        "interaction_mono",
        "lane",
        "last_run_at",
        "last_run_s",
        "life",
        "mailbox",
        "next_check",
        "node_id",
        "observer",
        "page",
        "page_known",
        "person",
        "predecessor",
        "published_mono",
        "pulse",
        "reconnects",
        "running",
        "running_since_mono",
        "seen_at",
        "seen_mono",
        "session_id",
        "state",
        "token",
        "version",
        "visitor",
    )

    def __init__(self, session_id: str, *, node_id: str, token: str, visitor: Visitor, at: float, mono: float) -> None:
        self.session_id = session_id
        self.node_id = node_id
        self.token = token
        self.visitor = visitor
        self.state = SessionState.CONNECTED
        self.life = Life.OK
        self.connected_at = self.seen_at = at
        self.connected_mono = self.seen_mono = self.interaction_mono = mono
        self.interaction_at: float | None = None
        self.disconnected_at: float | None = None
        self.disconnected_mono = 0.0
        self.ends_mono = 0.0  # when it ends unless it comes back
        self.dormant_before = False  # whether it was dormant when it disconnected
        self.claimed_by: str | None = None  # the session whose tab has shown this one's token
        self.ended_at: float | None = None
        self.ended_by: str | None = None
        self.end_reason: EndReason | None = None
        self.page: str | None = None
        self.page_known = False
        self.observer = False
        self.person: bool | None = None  # None: not decided yet, its page is unknown
        self.running = False
        self.running_since_mono = 0.0
        self.last_run_at: float | None = None
        self.last_run_s: float | None = None
        self.reconnects = 0
        self.bytes_in = 0
        self.bytes_out = 0
        self.predecessor: str | None = None
        self.mailbox = Mailbox()
        self.pulse = SessionEvent(kind="heartbeat", session_id=session_id)
        self.lane = Lane(self.pulse)
        self.callbacks: dict[tuple[str, Hashable], Callback] = {}
        self.hears_pings = False
        self.next_check = mono
        self.published_mono = mono
        self.version = next(_versions)
        self._frozen: SessionRecord | None = None

    @property
    def scope(self) -> Scope | None:
        """What makes its ``st.session_state`` reachable for its callbacks."""
        return self.lane.scope

    @scope.setter
    def scope(self, scope: Scope | None) -> None:
        self.lane.scope = scope

    @property
    def quiet(self) -> bool:
        """Whether no callback of its own waits or runs."""
        return not self.lane.queue and not self.lane.claim.locked()

    @property
    def attached(self) -> bool:
        """Whether its websocket is open."""
        return self.state is _CONNECTED or self.state is _DORMANT

    @property
    def usual(self) -> bool:
        """Whether it is as most are: connected, its person known, its pings heard and answered so far."""
        return self.state is _CONNECTED and self.life is _ALIVE and self.person is not None and self.hears_pings

    def changed(self) -> None:
        """Say that something shown of it is different now."""
        self.version = next(_versions)

    def snapshot(self) -> SessionRecord:
        """Return it frozen; the same object as long as nothing changed."""
        frozen = self._frozen
        version = self.version
        if frozen is None or frozen.seq != version:
            frozen = self._frozen = self._freeze(version)
        return frozen

    def _freeze(self, version: int) -> SessionRecord:
        return SessionRecord(
            session_id=self.session_id,
            node_id=self.node_id,
            state=self.state,
            connected_at=self.connected_at,
            last_seen_at=self.seen_at,
            life=self.life,
            observer=self.observer,
            user=self.visitor.user,
            remote_address=self.visitor.remote_address,
            browser=self.visitor.browser,
            page=self.page,
            disconnected_at=self.disconnected_at,
            ended_at=self.ended_at,
            end_reason=self.end_reason,
            last_interaction_at=self.interaction_at,
            last_run_at=self.last_run_at,
            last_run_s=self.last_run_s,
            running=self.running,
            reconnects=self.reconnects,
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            predecessor=self.predecessor,
            seq=version,
        )
