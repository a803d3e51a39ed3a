"""Every session of this process: the facade of ``octostar_runtime.sessions``.

    registry = SessionRegistry(node_id=..., clock=..., sink=bus, settings=settings)
    streamlit_bridge.install(registry)          # in st.App's lifespan, or from a script
    registry.on("end", lambda event: ...)

Reads are snapshots and may be taken from any thread. Operator actions return before their effect, raise
SessionNotFound for a session that is not live, and are written to the event log with who and why.
"""

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

from octostar_runtime.clock import Clock
from octostar_runtime.errors import InvalidInput, SessionNotFound
from octostar_runtime.ids import new_id
from octostar_runtime.models.sessions import (
    CallbackRecord,
    ComingStop,
    EndReason,
    OperatorMessage,
    SessionContext,
    SessionEvent,
    SessionRecord,
    SessionState,
)
from octostar_runtime.ports import EventSink
from octostar_runtime.sessions.announcer import Announcer
from octostar_runtime.sessions.callbacks import SessionCallback
from octostar_runtime.sessions.coming_stops import ComingStops
from octostar_runtime.sessions.control import SessionControl
from octostar_runtime.sessions.dispatcher import Dispatcher
from octostar_runtime.sessions.live_session import LiveSession
from octostar_runtime.sessions.monitor import Monitor
from octostar_runtime.sessions.notice_book import NoticeBook
from octostar_runtime.sessions.notices import Notices
from octostar_runtime.sessions.presence import Presence
from octostar_runtime.sessions.public_id import public_id
from octostar_runtime.sessions.visitor import Visitor
from octostar_runtime.settings import Settings

MESSAGE_LIMIT = 500
LEVELS = ("info", "warning", "error")
SLOW_AFTER_S = 1.0


class SessionRegistry:
    """Sees every session of the server. Call :meth:`start` once (the bridge does) and :meth:`close` at the end."""

    def __init__(self, *, node_id: str, clock: Clock, sink: EventSink, settings: Settings) -> None:
        self.settings = settings
        self._clock = clock
        self._dispatcher = Dispatcher()
        self._announcer = Announcer(self._dispatcher, slow_after_s=SLOW_AFTER_S, held_up=self._poke)
        self.presence = Presence(node_id=node_id, clock=clock, sink=sink, announcer=self._announcer)
        self.monitor = Monitor(
            self.presence,
            self._announcer,
            self._dispatcher,
            clock=clock,
            heartbeat_s=settings.heartbeat_interval_s,
            end_after_s=settings.session_end_after_s,
            open_tab_limit_s=settings.open_tab_limit_s,
        )
        self.notices = Notices(clock)
        self.coming_stops = ComingStops(clock)
        #: ``keep_awake(session_id, owner)`` puts off every coming stop; returns until when (UTC). Set by the runtime.
        self.keep_awake: Callable[[str, str], float] | None = None
        self._control: SessionControl | None = None
        self._current: Callable[[], SessionContext | None] = lambda: None
        self._closed = False
        self.presence.on_disconnected = self.monitor.session_left
        self.presence.on_first_arrival = self.monitor.first_arrived
        self.monitor.on_ended = self._drop

    # -- reading -------------------------------------------------------------------------------------------

    def sessions(self, *, ended: bool = True) -> tuple[SessionRecord, ...]:
        """Return all live sessions and (unless ``ended=False``) those that ended lately, newest connection first."""
        found = list(self.presence.live.values())
        if ended:
            found.extend(list(self.presence.ended.values()))
        found.sort(key=lambda session: session.connected_at, reverse=True)
        return tuple(session.snapshot() for session in found)

    def get(self, session_id: str) -> SessionRecord:
        """Return one session, live or lately ended; SessionNotFound otherwise."""
        shown = public_id(session_id)
        session = self.presence.live.get(shown) or self.presence.ended.get(shown)
        if session is None:
            raise SessionNotFound(f"no session {shown!r} is known here; it may have ended long ago")
        return session.snapshot()

    def drain_changes(self) -> list[SessionRecord]:
        """Return the sessions that changed since the last call, each once: for the publisher."""
        return self.presence.drain_changes()

    def callbacks(self) -> tuple[CallbackRecord, ...]:
        """Return how registered callbacks fare: process-wide ones and those in trouble first, at most 1,000."""
        return self._announcer.records(list(self.presence.live.values()))

    def memory_by_key(self, session_id: str) -> dict[str, int]:
        """Return the approximate bytes under each key of the session's state; may take a moment."""
        session = self._live(session_id)
        return self._control.memory(session.session_id) if self._control is not None else {}

    def memory(self, session_id: str) -> int:
        """Return the approximate bytes the session's state holds."""
        return sum(self.memory_by_key(session_id).values())

    @property
    def busy(self) -> bool:
        """Whether callbacks run or wait."""
        return self._dispatcher.busy

    @property
    def workers(self) -> int:
        """How many threads run callbacks now; they grow while callbacks are slow and shrink again."""
        return self._dispatcher.workers

    # -- listening -----------------------------------------------------------------------------------------

    def on(
        self,
        event: str,
        callback: SessionCallback,
        session_id: str | None = None,
        key: Hashable | None = None,
    ) -> Callable[[], None]:
        """Call ``callback(SessionEvent)`` on start, heartbeat, disconnect, reconnect, dormant, awake or end.

        For one session when ``session_id`` is given, else for all. Registering the same definition (or ``key``)
        again replaces it, so a script may do so in every run. Within a session callbacks keep their order; the
        session's ``st.session_state`` is reachable. Returns the function that removes it.
        """
        session = self._live(session_id) if session_id is not None else None
        if event == "first_start" and session is None:
            registered = self.presence.greet_first(callback, key)
        else:
            registered, _ = self._announcer.add(event, callback, session, key)
        return lambda: self._announcer.remove(registered, session)

    def register_own(self, event: str, callback: SessionCallback, session_id: str, key: Hashable) -> bool:
        """Register a session's own callback from its own script; True when ``key`` is new.

        A new "start" callback is called at once, in the calling thread, whose session state is already reachable.
        """
        session = self._live(session_id)
        registered, is_new = self._announcer.add(event, callback, session, key)
        if event == "start" and is_new:
            registered.run(SessionEvent(kind="start", session_id=session.session_id), None, time.monotonic())
        return is_new

    def on_first_start(self, callback: SessionCallback, key: Hashable | None = None) -> Callable[[], None]:
        """Call ``callback`` when somebody comes while nobody was there, and now when somebody is here already.

        Console viewers are nobody.
        """
        return self.on("first_start", callback, key=key)

    def on_all_ended(self, callback: SessionCallback, key: Hashable | None = None) -> Callable[[], None]:
        """Call ``callback`` when the last session has ended: after the resume time, not at a network blip."""
        return self.on("all_ended", callback, key=key)

    def on_session_ended(self, hook: Callable[[str, str], object]) -> None:
        """Call ``hook(session_id, reason)`` at once when a session ends, before its callbacks. Must be quick."""
        self.presence.on_ended.append(hook)

    def on_session_adopted(self, hook: Callable[[str, str], object]) -> None:
        """Call ``hook(old_session_id, new_session_id)`` when a reload takes its predecessor's place."""
        self.presence.on_adopted.append(hook)

    def set_console_pages(self, is_console_page: Callable[[str], bool] | None) -> None:
        """Tell which url paths are console pages: sessions there are observers, not users."""
        self.presence.is_console_page = is_console_page

    # -- what operators do ---------------------------------------------------------------------------------

    def end(self, session_id: str, *, by: str, reason: str = "") -> None:
        """End the session now. Its browser is told, and starts a new one."""
        session = self._live(session_id)
        if self.presence.end(session.session_id, EndReason.KICKED, by=by, why=reason) is None:
            raise SessionNotFound(f"session {session.session_id!r} has just ended by itself")
        self._drop(session.session_id)

    def forget_person(self, user: str) -> int:
        """Remove who it was from the ended sessions of ``user`` that are still remembered; return how many."""
        theirs = [session for session in list(self.presence.ended.values()) if session.visitor.user == user]
        for session in theirs:
            session.visitor = Visitor()
            session.changed()
        return len(theirs)

    def stop_script(self, session_id: str, *, by: str, reason: str = "") -> None:
        """Stop the script that runs in the session, at its next ``st.`` call."""
        session = self._live(session_id)
        if self._control is not None:
            self._control.stop_script(session.session_id)
        self.presence.publish("session.script_stopped", session.session_id, by=by, why=reason)

    def rerun(self, session_id: str, *, by: str, reason: str = "") -> None:
        """Run the session's script again; page, URL and what was typed stay."""
        session = self._live(session_id)
        if session.state is SessionState.DISCONNECTED:
            raise SessionNotFound(f"session {session.session_id!r} is disconnected; there is no page to run again")
        if self._control is not None:
            self._control.rerun(session.session_id)
        self.presence.publish("session.rerun", session.session_id, by=by, why=reason)

    def send_message(
        self,
        session_ids: Sequence[str] | None,
        text: str,
        level: str = "info",
        *,
        by: str,
        reason: str = "",
        notice_id: str = "",
    ) -> int:
        """Leave a message for these sessions (all live ones when None); returns how many it was left for.

        Pages show it within moments where they call :func:`octostar_runtime.ui.show_messages`. With the ``notice_id``
        of a notice it goes away with that.
        """
        message = self._message(text, level, by, notice_id)
        chosen = self._all_live() if session_ids is None else [self._live(session_id) for session_id in session_ids]
        for session in chosen:
            self._leave(session, message)
        subject = chosen[0].session_id if len(chosen) == 1 else f"{len(chosen)} sessions"
        self.presence.publish("session.messaged", subject, by=by, why=reason, data={"text": text, "level": level})
        return len(chosen)

    def broadcast(self, text: str, level: str = "warning", *, by: str, lasting_s: float = 0.0, reason: str = "") -> int:
        """Tell everybody, and for ``lasting_s`` seconds also whoever comes later (maintenance ahead).

        Of this process alone, and until it ends; ``operations.message_sessions`` reaches every node.
        """
        message = self._message(text, level, by)
        if lasting_s > 0:
            notice_id = self.post_notice(text, level, by=by, lasting_s=lasting_s, reason=reason)
            message = replace(message, notice_id=notice_id)
        everybody = self._all_live()
        for session in everybody:
            self._leave(session, message)
        data: dict[str, object] = {"text": text, "level": level, "lasting_s": lasting_s, "sessions": len(everybody)}
        self.presence.publish("session.broadcast", "all", by=by, why=reason, data=data)
        return len(everybody)

    def post_notice(
        self, text: str, level: str, *, by: str, lasting_s: float, reason: str = "", notice_id: str = ""
    ) -> str:
        """Show ``text`` to whoever comes within the next ``lasting_s`` seconds; returns its id.

        ``notice_id`` is that of a notice which the store keeps; without one it is of this process alone.
        """
        message = self._message(text, level, by, notice_id or new_id())
        self.notices.post(message, lasting_s, shared=bool(notice_id))
        data: dict[str, object] = {"text": text, "level": level, "lasting_s": lasting_s}
        self.presence.publish("session.notice_posted", "newcomers", by=by, why=reason, data=data)
        return message.notice_id

    def withdraw_notice(self, notice_id: str) -> None:
        """Take a lasting message back: newcomers no longer see it, and pages that show it take it away."""
        self.notices.withdraw(notice_id)
        for session in self._all_live():
            session.mailbox.discard(notice_id)
            if self._control is not None:
                self._control.deliver(session.session_id)

    def follow_notices(self, book: NoticeBook) -> None:
        """Take over the lasting messages that the store holds; blocks on the store."""
        known = self.notices.shared()
        for notice_id in self.notices.follow(known, book.all()):
            self.withdraw_notice(notice_id)

    # -- what the idle policy tells ------------------------------------------------------------------------

    def use_limits(self, *, heartbeat_s: float, end_after_s: float | None, open_tab_limit_s: float) -> None:
        """Follow the idle policy. ``end_after_s`` None, and whatever is longer, is this server's own setting.

        The server itself forgets a session after its setting, so a later end would be told of nobody.
        """
        longest_s = self.settings.session_end_after_s
        self.monitor.use_limits(
            heartbeat_s=heartbeat_s,
            end_after_s=longest_s if end_after_s is None else min(end_after_s, longest_s),
            open_tab_limit_s=open_tab_limit_s or self.settings.open_tab_limit_s,
        )

    def announce_stop(self, stop: ComingStop, *, called_off: bool = False) -> None:
        """Show every page a countdown to a stop, or take it away again.

        Pages that do not call :func:`octostar_runtime.ui.show_messages` are told by a toast.
        """
        if called_off:
            self.coming_stops.withdraw(stop.service)
        else:
            self.coming_stops.post(stop)
        now = self._clock.time()
        text = f"{stop.text} It stops in {max(0.0, stop.stops_at - now):.0f} seconds."
        toast = OperatorMessage(text=text, level="warning", by="idle policy", at=now, countdown=True)
        for session in self._all_live():
            if not called_off:
                session.mailbox.put(toast)
            if self._control is not None:
                self._control.deliver(session.session_id)

    # -- for the bridge and the pages ----------------------------------------------------------------------

    def attach(self, control: SessionControl, current: Callable[[], SessionContext | None] = lambda: None) -> None:
        """Set what carries actions out, and what knows whose script runs on the calling thread."""
        self._control = control
        self._current = current

    def current_session(self) -> SessionContext | None:
        """Return whose script (or session callback) runs on the calling thread, None outside of any."""
        return self._current()

    def take_messages(self, session_id: str) -> tuple[OperatorMessage, ...]:
        """Return the messages waiting for a session and empty its mailbox."""
        session = self.presence.live.get(public_id(session_id))
        return session.mailbox.take() if session is not None else ()

    def adopt(self, session_id: str, token: str) -> str | None:
        """The browser tab of a session shows the token of an earlier one: take its place (see ``Presence.adopt``)."""
        return self.presence.adopt(session_id, token)

    def live_session(self, session_id: str) -> LiveSession:
        """Return the live entry of a session; SessionNotFound when it is not live."""
        return self._live(session_id)

    def start(self) -> None:
        """Start the monitor; does nothing when it already runs."""
        self.monitor.thread.start()
        self.monitor.thread.poke()

    def close(self, timeout_s: float = 2.0) -> bool:
        """End all sessions (server_stop), let callbacks finish within ``timeout_s``; True when all did."""
        if self._closed:
            return True
        self._closed = True
        for session in self._all_live():
            self.presence.end(session.session_id, EndReason.SERVER_STOP)
        self.monitor.thread.stop(timeout_s)
        return self._dispatcher.close(timeout_s)

    # -- inside --------------------------------------------------------------------------------------------

    def _live(self, session_id: str) -> LiveSession:
        session = self.presence.live.get(public_id(session_id))
        if session is None:
            raise SessionNotFound(f"no live session {public_id(session_id)!r} here; it may have ended just now")
        return session

    def _all_live(self) -> list[LiveSession]:
        return list(self.presence.live.values())

    def _message(self, text: str, level: str, by: str, notice_id: str = "") -> OperatorMessage:
        if not text.strip() or len(text) > MESSAGE_LIMIT:
            raise InvalidInput(f"a message needs 1 to {MESSAGE_LIMIT} characters, not {len(text)}")
        if level not in LEVELS:
            raise InvalidInput(f"a message's level is one of {', '.join(LEVELS)}, not {level!r}")
        return OperatorMessage(text=text, level=level, by=by, at=self._clock.time(), notice_id=notice_id)

    def _leave(self, session: LiveSession, message: OperatorMessage) -> None:
        session.mailbox.put(message)
        if self._control is not None:
            self._control.deliver(session.session_id)

    def _drop(self, session_id: str) -> None:
        if self._control is not None:
            self._control.drop(session_id)

    def _poke(self) -> None:
        self.monitor.thread.poke()
