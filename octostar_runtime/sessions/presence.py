"""Who is here: the sessions of this process and every move they make.

The web server's bridge reports arrivals, frames and departures from its event loop; the monitor ends what stayed
away too long; operators end what they must. Each move goes through the one transition table under a short lock,
and everything that follows from it (event, callbacks, hooks) happens after the lock is released.
"""

import logging
import math
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable

from octostar_runtime.clock import Clock
from octostar_runtime.models.events import Event
from octostar_runtime.models.sessions import (
    EndReason,
    Life,
    OperatorMessage,
    SessionEvent,
    SessionRecord,
    SessionState,
)
from octostar_runtime.ports import EventSink
from octostar_runtime.sessions.announcer import Announcer
from octostar_runtime.sessions.callbacks import Callback, SessionCallback
from octostar_runtime.sessions.lifecycle import TRANSITIONS
from octostar_runtime.sessions.live_session import LiveSession
from octostar_runtime.sessions.public_id import public_id
from octostar_runtime.sessions.visitor import Visitor

logger = logging.getLogger(__name__)

KEPT_ENDED = 1_000
KEPT_CHANGES = 10_000
#: How long a new session may be without a known page until it counts as a person all the same.
PAGE_KNOWN_WITHIN_S = 2.0
#: How long a reloaded tab may wait for its half-open predecessor to be found out: Streamlit's slowest ping, and some.
CLAIM_LASTS_S = 90.0


class Presence:
    """The sessions that are live, those that ended lately, and what has changed since it was last asked."""

    def __init__(self, *, node_id: str, clock: Clock, sink: EventSink, announcer: Announcer) -> None:
        self.node_id = node_id
        self.live: dict[str, LiveSession] = {}
        self.ended: OrderedDict[str, LiveSession] = OrderedDict()
        self.dropped_changes = 0
        self.is_console_page: Callable[[str], bool] | None = None
        self.on_ended: list[Callable[[str, str], object]] = []
        self.on_adopted: list[Callable[[str, str], object]] = []
        self.on_disconnected: Callable[[LiveSession], object] = lambda _: None
        self.on_first_arrival: Callable[[], object] = lambda: None
        self._clock = clock
        self._sink = sink
        self._announcer = announcer
        self._lock = threading.Lock()
        self._changes: OrderedDict[str, LiveSession] = OrderedDict()
        self._by_token: dict[str, str] = {}
        self._people = 0

    # -- what the web server reports -----------------------------------------------------------------------

    def may_resume(self, session_id: str) -> bool:
        """Whether a browser that asks for this session may have it back; an ended one stays ended."""
        return public_id(session_id) not in self.ended

    def comes_back(self, session_id: str) -> bool:
        """A browser is about to have this session back: its time does not run out meanwhile. False: it has ended.

        Followed by :meth:`connected`, or by :meth:`stayed_away` when the server gave it another session.
        """
        shown = public_id(session_id)
        with self._lock:
            session = self.live.get(shown)
            if session is not None and session.state is SessionState.DISCONNECTED:
                session.ends_mono = math.inf
            return shown not in self.ended

    def stayed_away(self, session_id: str) -> None:
        """The browser did not get this session back: its time runs on."""
        session = self.live.get(public_id(session_id))
        if session is not None and session.state is SessionState.DISCONNECTED:
            self.on_disconnected(session)

    def connected(self, session_id: str, visitor: Visitor, *, instead_of: str | None = None) -> LiveSession:
        """A browser has this session now: a new one, or one that comes back.

        ``instead_of`` is the ended session it had asked for.
        """
        shown = public_id(session_id)
        with self._lock:
            session = self.live.get(shown)
            if session is not None:
                returned = session.state is SessionState.DISCONNECTED
                asleep = session.state is SessionState.DORMANT or (returned and session.dormant_before)
                self._set_state(session, SessionState.DORMANT if asleep else SessionState.CONNECTED)
                session.reconnects += 1
            else:
                session = self._new(shown, visitor)
        if session.reconnects:
            self._greet_again(session, visitor, returned)
            return session
        if instead_of is not None:
            self._explain(session, instead_of)
        self._tell(
            "started", session, "start", data={"predecessor": session.predecessor} if session.predecessor else {}
        )
        self._count_person(session)
        self.on_first_arrival()
        return session

    def disconnected(self, session_id: str) -> None:
        """The session's websocket is gone; it may come back."""
        with self._lock:
            session = self.live.get(public_id(session_id))
            if session is None or not session.attached:
                return
            session.disconnected_at = self._clock.time()
            session.disconnected_mono = self._clock.monotonic()
            session.dormant_before = session.state is SessionState.DORMANT
            session.life = Life.LOST
            self._set_state(session, SessionState.DISCONNECTED)
        self.on_disconnected(session)
        self._tell("disconnected", session, "disconnect")
        if session.claimed_by is not None:
            self._yield_to_claimant(session, session.claimed_by)

    def end(
        self,
        session_id: str,
        reason: EndReason,
        *,
        by: str | None = None,
        why: str | None = None,
        due: float | None = None,
    ) -> LiveSession | None:
        """End the session once and for all; None when it is not live (so nobody is told twice).

        With ``due`` only if it is still away and that is still the moment at which its time runs out.
        """
        with self._lock:
            session = self.live.get(public_id(session_id))
            if session is None:
                return None
            if due is not None and (session.state is not SessionState.DISCONNECTED or session.ends_mono != due):
                return None
            session.ended_at = self._clock.time()
            session.end_reason = reason
            session.ended_by = by
            session.running = False
            self._set_state(session, SessionState.ENDED)
            del self.live[session.session_id]
            self._by_token.pop(session.token, None)
            self.ended[session.session_id] = session
            while len(self.ended) > KEPT_ENDED:
                self.ended.popitem(last=False)
        self._after_end(session, reason, by, why)
        return session

    def adopt(self, successor_id: str, token: str) -> str | None:
        """The tab of ``successor_id`` shows the token of an earlier session: take that one's place.

        Returns the predecessor's id. A predecessor that is still connected keeps what is its own (the tab was
        duplicated, not reloaded), and so does one of another user. But who reloads because the network hangs leaves a
        connection that only seems open: a predecessor that gives no sign of life any more yields once it is found out.
        """
        with self._lock:
            predecessor = self.live.get(self._by_token.get(token, ""))
            successor = self.live.get(public_id(successor_id))
            if predecessor is None or successor is None or predecessor is successor:
                return None
            if predecessor.visitor.user != successor.visitor.user:
                return None
            if predecessor.state is not SessionState.DISCONNECTED:
                predecessor.claimed_by = successor.session_id
                return None
            successor.predecessor = predecessor.session_id
            self.mark_changed(successor, locked=True)
        for hook in self.on_adopted:
            self._guarded(hook, predecessor.session_id, successor.session_id)
        self.end(predecessor.session_id, EndReason.RELOADED)
        return predecessor.session_id

    def _yield_to_claimant(self, session: LiveSession, claimant_id: str) -> None:
        """The session has disconnected after another tab showed its token: was that its own tab, reloaded?"""
        session.claimed_by = None
        claimant = self.live.get(claimant_id)
        if claimant is None or not claimant.attached:
            return
        silent_since = max(session.seen_mono, session.connected_mono)
        soon = session.disconnected_mono - claimant.connected_mono <= CLAIM_LASTS_S
        if soon and silent_since <= claimant.connected_mono:
            self.adopt(claimant_id, session.token)

    # -- smaller news --------------------------------------------------------------------------------------

    def seen(self, session: LiveSession, received: int = 0) -> None:
        """The browser gave a sign of life: a frame of ``received`` bytes, or an answered ping."""
        session.seen_at = self._clock.time()
        session.seen_mono = self._clock.monotonic()
        session.bytes_in += received
        session.changed()

    def sent(self, session: LiveSession, size: int) -> None:
        """``size`` bytes went to the browser; that says nothing of whether it still lives."""
        session.bytes_out += size
        session.changed()

    def interacted(self, session: LiveSession) -> None:
        """A person did something; a dormant session is awake again."""
        session.interaction_at = self._clock.time()
        session.interaction_mono = self._clock.monotonic()
        if session.state is SessionState.DORMANT:
            self._move(session, SessionState.CONNECTED, "awake", "awake")
        else:
            self.mark_changed(session)

    def fell_asleep(self, session: LiveSession) -> None:
        """Nobody has touched the session for the open tab limit."""
        self._move(session, SessionState.DORMANT, "dormant", "dormant")

    def turned_to(self, session: LiveSession, page: str) -> None:
        """The session shows ``page``, a url path; "" is the default page."""
        if session.page_known and page == session.page:
            return
        session.page = page
        session.page_known = True
        session.observer = self.is_console_page is not None and bool(self._guarded(self.is_console_page, page))
        self.mark_changed(session)
        self._count_person(session)

    def script_started(self, session: LiveSession, *, at: float | None = None) -> None:
        """A run of the session's script has begun; ``at`` is monotonic, now unless given."""
        session.running = True
        session.running_since_mono = self._clock.monotonic() if at is None else at
        self.mark_changed(session)

    def script_stopped(self, session: LiveSession, *, at: float | None = None, counts: bool = True) -> None:
        """The run has ended; ``counts=False`` when it was only an automatic refresh."""
        if not session.running:
            return
        session.running = False
        if counts:
            now = self._clock.monotonic()
            session.last_run_s = max(0.0, (now if at is None else at) - session.running_since_mono)
            session.last_run_at = self._clock.time() - (now - session.running_since_mono)
        self.mark_changed(session)

    def page_still_unknown(self, session: LiveSession) -> bool:
        """Decide that a session that never showed a page is a person; True while it is too early to tell."""
        if session.person is not None:
            return False
        if self._clock.time() - session.connected_at < PAGE_KNOWN_WITHIN_S:
            return True
        session.page_known = True
        self._count_person(session)
        return False

    def greet_first(self, fn: SessionCallback, key: Hashable | None) -> Callback:
        """Register a callback for "somebody came"; when somebody is here already, it is called for that one.

        A script can only register in the run of its first user, who would otherwise be missed.
        """
        with self._lock:  # registering and counting are one step: nobody is announced twice, or not at all
            callback, is_new = self._announcer.add("first_start", fn, None, key)
            here = next((session for session in self.live.values() if session.person), None) if is_new else None
            if here is not None:
                event = SessionEvent(kind="first_start", session_id=here.session_id)
                self._announcer.announce_to(callback, here, event)
        return callback

    # -- reading -------------------------------------------------------------------------------------------

    def mark_changed(self, session: LiveSession, *, locked: bool = False) -> None:
        """Remember that the session's record is to be published again."""
        session.changed()
        if locked:
            self._note(session)
        else:
            with self._lock:
                self._note(session)

    def mark_all_changed(self, sessions: Iterable[LiveSession]) -> None:
        """The same for many at once."""
        with self._lock:
            changes = self._changes
            for session in sessions:
                session.changed()
                changes[session.session_id] = session
            self._drop_old_changes()

    def drain_changes(self) -> list[SessionRecord]:
        """Return the records that changed since the last call, each once."""
        with self._lock:
            changed, self._changes = self._changes, OrderedDict()
        return [session.snapshot() for session in changed.values()]

    # -- inside --------------------------------------------------------------------------------------------

    def _new(self, shown: str, visitor: Visitor) -> LiveSession:
        token = secrets.token_urlsafe(18)
        session = LiveSession(
            shown,
            node_id=self.node_id,
            token=token,
            visitor=visitor,
            at=self._clock.time(),
            mono=self._clock.monotonic(),
        )
        self.live[shown] = session
        self._by_token[token] = shown
        self._note(session)
        return session

    def _greet_again(self, session: LiveSession, visitor: Visitor, returned: bool) -> None:
        session.visitor = visitor
        session.disconnected_at = None
        session.life = Life.OK
        session.claimed_by = None
        self.seen(session)
        if returned:
            self._tell("reconnected", session, "reconnect")

    def _explain(self, session: LiveSession, instead_of: str) -> None:
        """Tell a browser whose session an operator ended what has happened to it."""
        former = self.ended.get(public_id(instead_of))
        if former is None:
            return
        session.predecessor = former.session_id
        if former.end_reason is not EndReason.KICKED:
            return
        session.mailbox.put(
            OperatorMessage(
                text="An operator ended your session. This page has started a new one.",
                level="warning",
                by=former.ended_by or "",
                at=self._clock.time(),
                sticky=True,
            )
        )

    def _move(self, session: LiveSession, state: SessionState, event: str, callback: str) -> None:
        with self._lock:
            if state not in TRANSITIONS[session.state]:
                return
            self._set_state(session, state)
        self._tell(event, session, callback)

    def _set_state(self, session: LiveSession, state: SessionState) -> None:
        """Lock held. Moving to the state it is in already is no move."""
        if state is not session.state and state in TRANSITIONS[session.state]:
            session.state = state
            session.lane.open = session.attached
        session.changed()
        self._note(session)

    def _note(self, session: LiveSession) -> None:
        self._changes[session.session_id] = session
        self._drop_old_changes()

    def _drop_old_changes(self) -> None:
        while len(self._changes) > KEPT_CHANGES:
            self._changes.popitem(last=False)
            self.dropped_changes += 1

    def _after_end(self, session: LiveSession, reason: EndReason, by: str | None, why: str | None) -> None:
        told = "session ended" if reason is EndReason.CLOSED else f"session ended ({reason.value})"
        for hook in self.on_ended:
            self._guarded(hook, session.session_id, told)
        seconds = round((session.ended_at or 0.0) - session.connected_at, 3)
        data: dict[str, object] = {"end_reason": reason.value, "lasted_s": seconds}
        session.lane.beats = ()
        self._tell("ended", session, "end", by=by, why=why, reason=reason, data=data)
        self._announcer.forget(session)
        self._count_person(session, gone=True)
        # queued callbacks hold what they need; an ended session that is only remembered must not
        session.callbacks, session.scope = {}, None

    def _tell(
        self,
        event: str,
        session: LiveSession,
        callback: str,
        *,
        by: str | None = None,
        why: str | None = None,
        reason: EndReason | None = None,
        data: dict[str, object] | None = None,
    ) -> None:
        self.publish(f"session.{event}", session.session_id, by=by, why=why, data=data)
        self._announcer.announce(
            session, SessionEvent(kind=callback, session_id=session.session_id, reason=reason, by=by)
        )

    def publish(
        self,
        kind: str,
        subject: str,
        *,
        by: str | None = None,
        why: str | None = None,
        data: dict[str, object] | None = None,
    ) -> None:
        """Put one line into the history."""
        at = self._clock.time()
        self._sink.publish(
            Event(
                kind=kind, subject=subject, at=at, node_id=self.node_id, actor=by, reason=why or None, data=data or {}
            )
        )

    def _count_person(self, session: LiveSession, *, gone: bool = False) -> None:
        """Keep the number of people right, and announce the first that comes and the last that goes."""
        with self._lock:
            before = session.person
            if gone or (session.end_reason is not None):
                session.person = False
            elif session.page_known or self.is_console_page is None:
                session.person = not session.observer
            if bool(session.person) != bool(before):
                self._people += 1 if session.person else -1
                # announced under the lock, which only queues: first and last must not overtake each other
                if self._people == 1 and session.person:
                    self._announce_crowd("first_start", session)
                elif self._people == 0:
                    self._announce_crowd("all_ended", session)

    def _announce_crowd(self, kind: str, session: LiveSession) -> None:
        self._announcer.announce(session, SessionEvent(kind=kind, session_id=session.session_id))

    def _guarded(self, hook: Callable[..., object], *args: object) -> object:
        try:
            return hook(*args)
        except Exception:
            logger.exception("a session hook failed; sessions go on")
            return None
