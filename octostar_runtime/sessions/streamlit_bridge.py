"""Streamlit's internals, and the only module that touches them.

Under ``st.App`` (public API, sees every session from its first byte)::

    from octostar_runtime.sessions import streamlit_bridge
    from octostar_runtime.sessions.streamlit_bridge import SessionTap

    @asynccontextmanager
    async def lifespan(app):
        streamlit_bridge.install(registry)      # on the event loop, before the first browser
        yield
        registry.close()                        # ends all sessions with reason server_stop

    app = st.App("pages/navigation.py", lifespan=lifespan, middleware=[Middleware(SessionTap)])

In a classic ``streamlit run script.py`` call ``install(registry)`` from the script: sessions that are already there
are taken in, and the same methods are wrapped.

How it works: ``connect_session``, ``disconnect_session``, ``close_session`` and ``handle_backmsg`` are wrapped on the
Runtime *instance* (the websocket endpoint looks them up per call), and each session's script events on the session
instance. :func:`broken_internals` names what a new version of Streamlit has moved.
"""

import inspect
import logging
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from streamlit import cache_data, config
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.RootContainer_pb2 import RootContainer
from streamlit.proto.Toast_pb2 import Toast
from streamlit.runtime import Runtime
from streamlit.runtime import exists as runtime_exists
from streamlit.runtime import get_instance as runtime_instance
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import ScriptRunnerEvent, add_script_run_ctx, get_script_run_ctx
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.script_run_context import FragmentThreadState, ScriptRunContext, ThreadState
from streamlit.runtime.scriptrunner_utils.script_run_context_attr import SCRIPT_RUN_CONTEXT_ATTR_NAME
from streamlit.runtime.session_manager import ActiveSessionInfo
from streamlit.runtime.state.safe_session_state import SafeSessionState
from streamlit.runtime.state.session_state_proxy import SessionStateProxy
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager

from octostar_runtime.errors import OctostarRuntimeError
from octostar_runtime.models.sessions import EndReason, SessionContext, SessionState
from octostar_runtime.sessions import visitor as visitors
from octostar_runtime.sessions.live_session import LiveSession
from octostar_runtime.sessions.public_id import public_id
from octostar_runtime.sessions.registry import SessionRegistry
from octostar_runtime.sessions.run_watch import RunWatch
from octostar_runtime.sessions.server_loop import ServerLoop, guard
from octostar_runtime.sessions.sizing import sizes_by_key
from octostar_runtime.sessions.tap import CURRENT, Connection, PingWatch, SessionTap

__all__ = [
    "SessionTap",
    "StreamlitBridge",
    "available",
    "broken_internals",
    "current_session",
    "install",
    "installed",
    "session_scope",
]

logger = logging.getLogger(__name__)

_ATTRIBUTE = "_octostar_bridge"
#: End this much before Streamlit itself forgets a session, so that its resources are released in order.
_TTL_MARGIN_S = 0.05
#: How long a page has to collect its mail before a plain toast is pushed to it.
_TOAST_AFTER_S = 1.2
#: How long a browser whose session was ended has to ask for a run by itself.
_RERUN_AFTER_S = 0.4
_KICK_CODE = 1012  # "service restart": the frontend connects again at once
_FORMER_STATES = 1_000
_STARTED = ScriptRunnerEvent.SCRIPT_STARTED
_MESSAGE = ScriptRunnerEvent.ENQUEUE_FORWARD_MSG

Allow = Callable[[str, SessionContext], bool]
_installing = threading.Lock()


class _Attached:
    """What the bridge knows of one live session beside the registry's entry. Event loop only."""

    __slots__ = (
        "__weakref__",
        "app_session",
        "connection",
        "inbox_fragment",
        "live",
        "runs",
        "secret_id",
    )

    def __init__(self, secret_id: str, live: LiveSession, app_session: AppSession) -> None:
        self.secret_id = secret_id
        self.live = live
        self.app_session = app_session
        self.connection: Connection | None = None
        self.runs = RunWatch()
        self.inbox_fragment: str | None = None


class _SharedState(SafeSessionState):
    """A session's state under the lock of the script that runs now, so that a stored one never goes stale.

    Every full rerun makes a new SafeSessionState with a lock of its own; taking the running script's lock per access
    is what excludes it.
    """

    def __init__(self, app_session: AppSession) -> None:
        object.__setattr__(self, "_app_session", app_session)
        object.__setattr__(self, "_state", app_session.session_state)
        object.__setattr__(self, "_own_lock", threading.RLock())
        object.__setattr__(self, "_yield_callback", lambda: None)

    @property
    def _lock(self) -> Any:  # type: ignore[override]
        runner = self._app_session._scriptrunner
        running = getattr(runner, "_session_state", None)
        return running._lock if running is not None else self._own_lock


class _FixedScope:
    """Makes one script context, and so its session's ``st.session_state`` and ``st.user``, a thread's own."""

    __slots__ = ("_context",)

    def __init__(self, context: ScriptRunContext | None) -> None:
        self._context = context

    def enter(self) -> object:
        """Attach to the calling thread; returns the context that was there."""
        thread = threading.current_thread()
        previous = thread.__dict__.get(SCRIPT_RUN_CONTEXT_ATTR_NAME)
        context = self._context or self._make_context()
        if previous is None and not _has_thread_state():
            add_script_run_ctx(thread, context)
        thread.__dict__[SCRIPT_RUN_CONTEXT_ATTR_NAME] = context
        return previous

    def exit(self, previous: object) -> None:
        """Put the thread back exactly as it was: Streamlit cannot detach a context, so the attribute goes."""
        attributes = threading.current_thread().__dict__
        if previous is None:
            attributes.pop(SCRIPT_RUN_CONTEXT_ATTR_NAME, None)
        else:
            attributes[SCRIPT_RUN_CONTEXT_ATTR_NAME] = previous

    def _make_context(self) -> ScriptRunContext:
        raise NotImplementedError


class SessionScope(_FixedScope):
    """The scope of a live session; made when first needed and never stale."""

    __slots__ = ("_app_session",)

    def __init__(self, app_session: AppSession) -> None:
        super().__init__(None)
        self._app_session = app_session

    def _make_context(self) -> ScriptRunContext:
        state = self._app_session._client_state
        context = self._app_session.create_detached_script_run_ctx(query_string=state.query_string, context_info=None)
        context.session_state = _SharedState(self._app_session)
        self._context = context
        return context


class StreamlitBridge:
    """Reports to the registry what happens to sessions, and does to sessions what the registry asks.

    ``allow(message, session)`` may refuse what the developer menu asks for, which Streamlit lets any browser do:
    ``"clear_cache"`` (everybody's), ``"set_run_on_save"``, and installing things beside the app.
    """

    def __init__(self, runtime: Runtime, registry: SessionRegistry) -> None:
        self.registry = registry
        self.allow: Allow | None = None
        self._runtime = runtime
        self._presence = registry.presence
        self._loop = ServerLoop(runtime._get_async_objs().eventloop)
        self._attached: dict[str, _Attached] = {}
        self._former: OrderedDict[str, tuple[str | None, ClientState]] = OrderedDict()  # by secret id: user, state

    # -- wrapping ------------------------------------------------------------------------------------------

    def install(self) -> None:
        """Wrap the runtime's methods and take in the sessions that are already there."""
        runtime = cast(Any, self._runtime)
        runtime.connect_session = self._wrapped(runtime.connect_session, self._connect)
        runtime.disconnect_session = self._wrapped(runtime.disconnect_session, self._disconnect)
        runtime.close_session = self._wrapped(runtime.close_session, self._close)
        runtime.handle_backmsg = self._wrapped(runtime.handle_backmsg, self._handle_backmsg)
        self._respect_server_settings()
        self.registry.attach(self, current_session)
        self.registry.start()
        self._loop.call_and_wait(self._take_in_present)

    def _wrapped(self, original: Callable[..., Any], ours: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            return ours(original, *args, **kwargs)

        return call

    def _respect_server_settings(self) -> None:
        ttl = float(config.get_option("server.disconnectedSessionTTL"))
        monitor = self.registry.monitor
        monitor.server_forgets_after_s = ttl - _TTL_MARGIN_S
        ping = config.get_option("server.websocketPingInterval")
        monitor.ping_interval_s = float(ping) if ping else 30.0

    def _take_in_present(self) -> None:
        for info in self._runtime._session_mgr.list_active_sessions():
            with guard("taking in a session"):
                attached = self._attach(info.session.id, info.client, None)
                self._note_page(attached)
                runner = info.session._scriptrunner
                if runner is not None:
                    self._presence.script_started(attached.live)

    # -- what Streamlit does -------------------------------------------------------------------------------

    def _connect(
        self,
        original: Callable[..., str],
        client: Any,
        user_info: Any,
        existing_session_id: str | None = None,
        session_id_override: str | None = None,
    ) -> str:
        refused = existing_session_id is not None and not self._presence.comes_back(existing_session_id)
        session_id = original(
            client=client,
            user_info=user_info,
            existing_session_id=None if refused else existing_session_id,
            session_id_override=session_id_override,
        )
        if existing_session_id is not None and session_id != existing_session_id:
            self._presence.stayed_away(existing_session_id)
        if not self._presence.may_resume(session_id):
            return session_id  # an operator ended it at this very moment; what ends it closes this connection, too
        with guard("connecting a session"):
            attached = self._attach(session_id, client, existing_session_id if refused else None)
            if refused and existing_session_id is not None:
                self._loop.call_later(_RERUN_AFTER_S, self._revive, attached, existing_session_id)
            for notice in self.registry.notices.current() if not attached.live.reconnects else ():
                attached.live.mailbox.put(notice)
            if attached.live.mailbox:
                self._loop.call_later(_RERUN_AFTER_S, self._deliver, attached.live.session_id)
        return session_id

    def _attach(self, session_id: str, client: Any, instead_of: str | None) -> _Attached:
        app_session = self._runtime.get_app_session(session_id)
        if app_session is None:
            raise OctostarRuntimeError(f"session {public_id(session_id)} vanished while it connected")
        connection = CURRENT.get()
        visitor = self._visitor(client, connection, app_session)
        live = self._presence.connected(session_id, visitor, instead_of=instead_of)
        attached = self._attached.get(live.session_id)
        if attached is None or attached.app_session is not app_session:
            attached = self._attached[live.session_id] = _Attached(session_id, live, app_session)
            live.scope = SessionScope(app_session)
            self._watch_runs(attached)
        self._watch_connection(attached, client, connection)
        return attached

    def _disconnect(self, original: Callable[..., None], session_id: str, *, client: Any = None) -> None:
        original(session_id, client=client)
        with guard("disconnecting a session"):
            if self._runtime.is_active_session(session_id):
                return  # a stale client of a session that has a newer one
            attached = self._attached.get(public_id(session_id))
            if attached is not None:
                attached.connection = None
                if attached.live.running:
                    self._presence.script_stopped(attached.live)
            self._presence.disconnected(session_id)
            if attached is not None and not attached.app_session.is_resumable():
                self._finish(session_id, EndReason.LOGOUT)
            self._note_evictions()

    def _close(self, original: Callable[..., None], session_id: str) -> None:
        original(session_id)
        with guard("closing a session"):
            self._finish(session_id, EndReason.CLOSED)

    def _finish(self, session_id: str, reason: EndReason) -> None:
        self._presence.end(session_id, reason)
        self._attached.pop(public_id(session_id), None)

    def _note_evictions(self) -> None:
        """Streamlit keeps a bounded number of disconnected sessions and tells nobody which it lets go."""
        away = [a for a in self._attached.values() if a.live.state is SessionState.DISCONNECTED]
        storage = cast(Any, self._runtime._session_mgr)._session_storage
        if len(away) <= storage._cache.maxsize:
            return
        kept = {info.session.id for info in storage.list()}
        for attached in away:
            if attached.secret_id not in kept:
                self._remember(attached)
                self._finish(attached.secret_id, EndReason.EVICTED)

    def _handle_backmsg(self, original: Callable[..., None], session_id: str, msg: Any, *, client: Any = None) -> None:
        attached = self._attached.get(public_id(session_id))
        kind = msg.WhichOneof("type")
        if attached is not None and self._refuses(kind, msg, attached):
            return
        original(session_id, msg, client=client)
        if attached is not None:
            with guard("reading a browser's message"):
                self._note_message(attached, kind, msg)

    def _refuses(self, kind: str, msg: Any, attached: _Attached) -> bool:
        if self.allow is None or not _is_for_developers(kind, msg):
            return False
        context = SessionContext(session_id=attached.live.session_id, user=attached.live.visitor.user)
        return not self.allow(kind, context)

    def _note_message(self, attached: _Attached, kind: str, msg: Any) -> None:
        if attached.connection is None:
            self._presence.seen(attached.live, msg.ByteSize())
        if kind != "rerun_script":
            return
        auto = bool(msg.rerun_script.is_auto_rerun)
        attached.runs.asked_for(msg.rerun_script.fragment_id, auto=auto)
        if not auto:
            self._presence.interacted(attached.live)

    # -- watching ------------------------------------------------------------------------------------------

    def _visitor(self, client: Any, connection: Connection | None, app_session: AppSession) -> visitors.Visitor:
        context = getattr(client, "client_context", None)
        headers = connection.headers if connection is not None else list(getattr(context, "headers", ()))
        peer = connection.peer if connection is not None else getattr(context, "remote_ip", None)
        return visitors.read_visitor(headers, peer, app_session._user_info, self.registry.settings)

    def _watch_connection(self, attached: _Attached, client: Any, connection: Connection | None) -> None:
        live, presence = attached.live, self._presence
        attached.connection = connection
        pings = connection.pings if connection is not None else _pings_of(client)
        if pings is not None and pings.interval_s is not None:
            self.registry.monitor.ping_interval_s = pings.interval_s
        live.hears_pings = pings is not None and pings.hears
        if pings is not None:
            pings.listen(lambda: presence.seen(live))
        if connection is not None:
            live.bytes_in += connection.bytes_in
            live.bytes_out += connection.bytes_out
            connection.on_received = lambda size: presence.seen(live, size)
            connection.on_sent = lambda size: presence.sent(live, size)
        else:
            _count_sent(client, lambda size: presence.sent(live, size))

    def _watch_runs(self, attached: _Attached) -> None:
        """Hear of a session's script runs; wrapped on the instance without a cycle that would keep it alive.

        The script's thread stamps an event, the event loop notes it.
        """
        app_session = cast(Any, attached.app_session)
        owner = weakref.ref(attached.app_session)
        watching = weakref.ref(attached)

        def stamp(sender: Any, event: ScriptRunnerEvent, *args: Any, **kwargs: Any) -> None:
            session, known = owner(), watching()
            if known is not None and event is not _MESSAGE:
                known.runs.stamp()
            if session is not None:
                AppSession._on_scriptrunner_event(session, sender, event, *args, **kwargs)

        def handle(sender: Any, event: ScriptRunnerEvent, *args: Any, **kwargs: Any) -> None:
            session, known = owner(), watching()
            if session is None:
                return
            is_current = sender is session._scriptrunner
            AppSession._handle_scriptrunner_event_on_event_loop(session, sender, event, *args, **kwargs)
            if known is not None:
                with guard("noting a script event"):
                    self._note_script_event(known, event, args, is_current=is_current)

        app_session._on_scriptrunner_event = stamp
        app_session._handle_scriptrunner_event_on_event_loop = handle

    def _note_script_event(
        self, attached: _Attached, event: ScriptRunnerEvent, args: tuple[Any, ...], *, is_current: bool
    ) -> None:
        if event is _MESSAGE:
            message = args[0] if args else None
            if is_current and message is not None and message.HasField("navigation"):
                self._note_page(attached)
            return
        at = attached.runs.next_stamp()
        if not is_current:
            return  # a runner that is being replaced
        if event is _STARTED:
            attached.runs.begins(args[4] if len(args) > 4 else None)
            self._presence.script_started(attached.live, at=at)
        elif attached.live.running:  # every other event ends a run
            self._presence.script_stopped(attached.live, at=at, counts=attached.runs.counts)
            self._note_page(attached)

    def _note_page(self, attached: _Attached) -> None:
        manager = attached.app_session._pages_manager
        page = manager.get_pages().get(manager.current_page_script_hash)
        if page is not None:
            self._presence.turned_to(attached.live, str(page.get("url_pathname", "")))
        elif manager.current_page_script_hash == manager.main_script_hash:
            self._presence.turned_to(attached.live, "")

    # -- what the registry asks (SessionControl; any thread) -------------------------------------------------

    def drop(self, session_id: str) -> None:
        """Close the websocket and forget the session."""
        self._loop.call(self._drop, session_id)

    def stop_script(self, session_id: str) -> None:
        """Stop the running script at its next yield point."""
        self._loop.call(self._stop_script, session_id)

    def rerun(self, session_id: str) -> None:
        """Run the script again where the session stands."""
        self._loop.call(self._rerun, session_id)

    def deliver(self, session_id: str) -> None:
        """Let the page collect its mail."""
        self._loop.call(self._deliver, session_id)

    def memory(self, session_id: str) -> dict[str, int]:
        """Measure the session's state, key by key, in the caller's thread."""
        attached = self._attached.get(session_id)
        return sizes_by_key(_SharedState(attached.app_session).filtered_state) if attached is not None else {}

    def _drop(self, session_id: str) -> None:
        attached = self._attached.pop(session_id, None)
        if attached is None:
            return
        self._remember(attached)
        client = self._runtime.get_client(attached.secret_id)
        self._runtime.close_session(attached.secret_id)
        if attached.connection is not None:
            self._loop.spawn(attached.connection.close(_KICK_CODE))
        elif client is not None:
            self._loop.spawn(_close_quietly(client))

    def _remember(self, attached: _Attached) -> None:
        """Keep where an ending session stands, for its browser may come back and find a new one."""
        self._former[attached.secret_id] = (attached.live.visitor.user, _where_it_stands(attached.app_session))
        while len(self._former) > _FORMER_STATES:
            self._former.popitem(last=False)

    def _stop_script(self, session_id: str) -> None:
        attached = self._attached.get(session_id)
        if attached is not None:
            attached.app_session.request_script_stop()

    def _rerun(self, session_id: str) -> None:
        attached = self._attached.get(session_id)
        if attached is not None:
            attached.app_session.request_rerun(_where_it_stands(attached.app_session))

    def _revive(self, attached: _Attached, former_id: str) -> None:
        """Draw the page of a browser whose former session was ended, unless it has asked for a run itself."""
        user, state = self._former.pop(former_id, (None, None))
        if user != attached.live.visitor.user:
            state = None  # somebody else has signed in; what was typed is not theirs
        if not attached.runs.asked and attached.live.state is SessionState.CONNECTED:
            attached.app_session.request_rerun(state)

    def _deliver(self, session_id: str) -> None:
        attached = self._attached.get(session_id)
        if attached is None:
            return
        fragment = attached.inbox_fragment
        if fragment is not None and attached.app_session.has_fragment(fragment):
            state = _where_it_stands(attached.app_session)
            state.fragment_id = fragment
            attached.runs.refreshes(fragment)
            attached.app_session.request_rerun(state)
        self._loop.call_later(_TOAST_AFTER_S, self._push_toast, session_id)

    def _push_toast(self, session_id: str) -> None:
        """Show mail that the page has not collected: it does not ask for it, or its script runs for long."""
        attached = self._attached.get(session_id)
        if attached is None or attached.live.state is SessionState.DISCONNECTED:
            return
        messages = attached.live.mailbox.take()
        if messages:
            attached.app_session._enqueue_forward_msg(_toast("\n\n".join(message.text for message in messages)))

    # -- for pages -----------------------------------------------------------------------------------------

    def attached(self, session_id: str) -> _Attached | None:
        """Return what is known of a live session."""
        return self._attached.get(public_id(session_id))

    def open_inbox(self) -> LiveSession | None:
        """Return the session whose page is being drawn; the calling fragment is rerun when mail comes."""
        context = get_script_run_ctx(suppress_warning=True)
        attached = self._attached.get(public_id(context.session_id)) if context is not None else None
        if attached is None:
            return None
        attached.inbox_fragment = ThreadState.get().fragment_id
        return attached.live


def install(registry: SessionRegistry, *, allow: Allow | None = None) -> StreamlitBridge | None:
    """Connect ``registry`` with this process's Streamlit server; None when there is none. Idempotent.

    The first users of a plain script call this at the same time: one installs, the others wait for it.
    """
    if not available():
        return None
    with _installing:
        runtime = runtime_instance()
        present = cast("StreamlitBridge | None", runtime.__dict__.get(_ATTRIBUTE))
        if present is None:
            for problem in broken_internals():
                logger.error("this version of Streamlit is not the one that was tested: %s", problem)
            present = StreamlitBridge(runtime, registry)
            present.install()
            setattr(runtime, _ATTRIBUTE, present)
        present.allow = allow or present.allow
        return present


def available() -> bool:
    """Whether this process is a Streamlit server that has started (AppTest's stand-in is not)."""
    if not runtime_exists() or not isinstance(runtime_instance(), Runtime):
        return False
    return getattr(runtime_instance(), "_async_objs", None) is not None  # the stand-in passes for a Runtime


def clear_cached_data() -> None:
    """Empty ``st.cache_data`` of the whole process; safe from any thread."""
    cache_data.clear()


def installed() -> StreamlitBridge | None:
    """Return the bridge of this process's Streamlit server, if there is one."""
    if not runtime_exists():
        return None
    return cast("StreamlitBridge | None", runtime_instance().__dict__.get(_ATTRIBUTE))


def current_session() -> SessionContext | None:
    """Return whose script (or session callback) is running on the calling thread, None outside of any."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None or not runtime_exists() or not isinstance(runtime_instance(), Runtime):
        return None
    return SessionContext(session_id=public_id(context.session_id), user=visitors.identity(context.user_info))


@contextmanager
def session_scope(context: ScriptRunContext) -> Iterator[SessionStateProxy]:
    """Make the session of ``context`` the calling thread's for a while and restore the thread exactly.

    A stored context goes stale with the session's next run; a session that is live gets a fresh one.
    """
    bridge = installed()
    attached = bridge.attached(context.session_id) if bridge is not None else None
    scope = attached.live.scope if attached is not None else None
    scope = scope or _FixedScope(context)
    previous = scope.enter()
    try:
        yield SessionStateProxy()
    finally:
        scope.exit(previous)


#: What this module relies on beyond Streamlit's public API: of classes methods (or properties), ...
_METHODS: Mapping[type, tuple[str, ...]] = {
    Runtime: (
        "connect_session",
        "disconnect_session",
        "close_session",
        "handle_backmsg",
        "get_app_session",
        "get_client",
        "is_active_session",
        "_get_async_objs",
    ),
    WebsocketSessionManager: ("list_active_sessions",),
    MemorySessionStorage: ("list",),
    AppSession: (
        "_handle_scriptrunner_event_on_event_loop",
        "_on_scriptrunner_event",
        "_enqueue_forward_msg",
        "create_detached_script_run_ctx",
        "request_rerun",
        "request_script_stop",
        "has_fragment",
        "is_resumable",
        "session_state",
    ),
    PagesManager: ("get_pages", "current_page_script_hash", "main_script_hash"),
    SafeSessionState: ("filtered_state", "get_widget_states"),
    ThreadState: ("get",),
}
#: ... attributes that are set in ``__init__``, ...
_ATTRIBUTES: Mapping[type, tuple[str, ...]] = {
    Runtime: ("_session_mgr", "_async_objs"),
    WebsocketSessionManager: ("_session_storage",),
    MemorySessionStorage: ("_cache",),
    AppSession: ("_scriptrunner", "_client_state", "_pages_manager", "_user_info", "_session_state"),
    SafeSessionState: ("_state", "_lock", "_yield_callback"),
    ScriptRunner: ("_session_state",),
}
#: ... fields of records, ...
_FIELDS: Mapping[type, tuple[str, ...]] = {
    ActiveSessionInfo: ("client", "session"),
    ScriptRunContext: ("session_id", "session_state", "user_info"),
    FragmentThreadState: ("fragment_id",),
}
#: ... and fields of messages.
_MESSAGES: Mapping[type[Any], tuple[str, ...]] = {
    BackMsg: ("rerun_script", "clear_cache", "set_run_on_save", "backend_operation_request"),
    ClientState: ("query_string", "widget_states", "page_script_hash", "fragment_id", "is_auto_rerun"),
    ForwardMsg: ("metadata", "delta", "navigation"),
    Toast: ("body", "icon", "duration"),
}


def broken_internals() -> list[str]:
    """Return one sentence for each thing of Streamlit's that is not where this module expects it."""
    problems = [
        f"{owner.__name__}.{name} is gone"
        for owner, names in _METHODS.items()
        for name in names
        if getattr(owner, name, None) is None
    ]
    for owner, names in _ATTRIBUTES.items():
        made = set(owner.__init__.__code__.co_names) | set(map(str, owner.__init__.__code__.co_consts))  # type: ignore[misc]
        problems += [f"{owner.__name__}.__init__ no longer sets {name}" for name in names if name not in made]
    for owner, names in _FIELDS.items():
        problems += [f"{owner.__name__} has no field {name}" for name in names if name not in owner.__annotations__]
    for message, names in _MESSAGES.items():
        known = message.DESCRIPTOR.fields_by_name
        problems += [f"the message {message.__name__} has no field {name}" for name in names if name not in known]
    for name in ("SCRIPT_STARTED", "ENQUEUE_FORWARD_MSG", "SHUTDOWN"):
        if not hasattr(ScriptRunnerEvent, name):
            problems.append(f"ScriptRunnerEvent.{name} is gone")
    return problems + _changed_signatures()


def _changed_signatures() -> list[str]:
    """Methods that are wrapped must still take what the wrapper takes."""
    problems = []
    handler = getattr(AppSession, "_handle_scriptrunner_event_on_event_loop", None)
    order = handler.__code__.co_varnames[:8] if handler is not None else ()
    if handler is not None and (
        order[1:4] != ("sender", "event", "forward_msg") or order[7:8] != ("fragment_ids_this_run",)
    ):
        problems.append(f"AppSession._handle_scriptrunner_event_on_event_loop takes other arguments: {order}")
    ours = {"connect_session": StreamlitBridge._connect, "disconnect_session": StreamlitBridge._disconnect}
    for name, wrapper in ours.items():
        wrapped = getattr(Runtime, name, None)
        unknown = set(_arguments(wrapped)) - set(_arguments(wrapper)) if wrapped is not None else set()
        problems += [f"Runtime.{name} has a new argument {argument}" for argument in sorted(unknown)]
    return problems


def _arguments(function: Any) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)


def _is_for_developers(kind: str, msg: Any) -> bool:
    if kind == "backend_operation_request":
        asked = msg.backend_operation_request.WhichOneof("payload")
        return asked in ("install_skills", "dismiss_skills_nudge")
    return kind in ("clear_cache", "set_run_on_save")


def _where_it_stands(app_session: AppSession) -> ClientState:
    """Return a client state that runs the session's current page with its current widgets and URL."""
    state = ClientState()
    state.CopyFrom(app_session._client_state)
    state.page_script_hash = app_session._pages_manager.current_page_script_hash or state.page_script_hash
    state.fragment_id = ""
    state.ClearField("widget_states")
    state.widget_states.widgets.extend(_SharedState(app_session).get_widget_states())
    return state


def _toast(text: str) -> ForwardMsg:
    message = ForwardMsg()
    message.metadata.delta_path.extend([RootContainer.EVENT, 0])
    message.delta.new_element.toast.body = text
    message.delta.new_element.toast.icon = "📣"
    message.delta.new_element.toast.duration = 15
    return message


def _pings_of(client: Any) -> PingWatch | None:
    """Without the middleware the connection is found through Streamlit's own websocket client."""
    receive = getattr(getattr(client, "_websocket", None), "_receive", None)
    return PingWatch(receive) if receive is not None else None


def _count_sent(client: Any, on_sent: Callable[[int], object]) -> None:
    """Without the middleware, count what Streamlit's client hands to its websocket."""
    websocket = getattr(client, "_websocket", None)
    send = getattr(websocket, "send_bytes", None)
    if websocket is None or send is None:
        return

    async def send_bytes(data: bytes) -> None:
        await send(data)
        on_sent(len(data))

    websocket.send_bytes = send_bytes


async def _close_quietly(client: Any) -> None:
    with guard("closing a websocket"):
        await client._websocket.close(code=_KICK_CODE)


def _has_thread_state() -> bool:
    try:
        ThreadState.get()
    except RuntimeError:
        return False
    return True
