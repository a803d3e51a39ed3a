"""The seed's ``SessionCallbackManager``: the same name and calls, on top of the session registry::

    from octostar_runtime.threading.session_callback_manager import SessionCallbackManager

    SessionCallbackManager.get_handler().register_session(
        on_session_start=..., on_heartbeat=..., on_session_end=...
    )

Callbacks take no arguments and find the session's own ``st.session_state``. ``on_session_start`` runs at once, in
the script; ``on_heartbeat`` every 2 s while the browser is connected; ``on_session_end`` once, when the session has
ended for good: a lost connection that comes back in time is no end. Whatever a callback raises, and however long it
takes, other sessions do not notice.

To keep some service up only while somebody is connected::

    manager = SessionCallbackManager.get_handler()
    manager.on_first_start(service.start)      # somebody came (or is here already) and nobody was
    manager.on_all_ended(service.stop)         # the last one has gone and the time to come back is over
"""

import uuid
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Any

from octostar_runtime import anchor
from octostar_runtime.errors import InvalidInput, SessionNotFound
from octostar_runtime.models.sessions import SessionEvent
from octostar_runtime.sessions import SessionRegistry, streamlit_bridge
from octostar_runtime.sessions.callbacks import callback_key

SeedCallback = Callable[[], object]
_NAMESPACE = uuid.UUID("5f0c2f5e-6a55-4c5b-9f57-0b6a2f0f6d1c")


class SessionCallbackManager:
    """One per process, whoever asks first and however often; survives "clear cache" and hot reload."""

    def __new__(cls, *_: Any, **__: Any) -> "SessionCallbackManager":
        return anchor.get_or_create("session_callback_manager", lambda: object.__new__(cls))

    @staticmethod
    def get_handler() -> "SessionCallbackManager":
        """Return the manager."""
        return SessionCallbackManager()

    def register_session(
        self,
        on_session_start: SeedCallback | None = None,
        on_heartbeat: SeedCallback | None = None,
        on_session_end: SeedCallback | None = None,
        *,
        key: Hashable | None = None,
    ) -> str:
        """Register the calling script's session and return the registration's id.

        A script runs again and again: calling with the same callbacks (or the same ``key``) in a later run replaces
        them, starts nothing anew and returns the same id.
        """
        given = {"start": on_session_start, "heartbeat": on_heartbeat, "end": on_session_end}
        callbacks = {event: fn for event, fn in given.items() if fn is not None}
        for event, fn in callbacks.items():
            if not callable(fn):
                raise InvalidInput(f"the {event} callback must be callable without arguments, not {fn!r}")
        registry = _registry()
        session = streamlit_bridge.current_session()
        if session is None:
            raise InvalidInput("call register_session() from a Streamlit script; there is no session here")
        chosen = key if key is not None else tuple((event, callback_key(fn)) for event, fn in callbacks.items())
        if not streamlit_bridge.available():  # under AppTest there is no browser that could beat or leave
            return str(uuid.uuid5(_NAMESPACE, f"{session.session_id}:{chosen!r}"))
        # a script may still run when its session has just ended: there is nothing left to hear of then
        with suppress(SessionNotFound):
            for event, fn in callbacks.items():
                registry.register_own(event, _without_event(fn), session.session_id, key=("seed", event, chosen))
        return str(uuid.uuid5(_NAMESPACE, f"{session.session_id}:{chosen!r}"))

    def on_first_start(self, callback: SeedCallback, *, key: Hashable | None = None) -> Callable[[], None]:
        """Call ``callback()`` when somebody comes while nobody was there, and now when somebody is here already.

        A script may do so in every run: the same callback (or ``key``) is replaced. Returns what takes it back.
        """
        return self._for_all("first_start", callback, key)

    def on_all_ended(self, callback: SeedCallback, *, key: Hashable | None = None) -> Callable[[], None]:
        """Call ``callback()`` when the last session has ended for good: never at a network blip."""
        return self._for_all("all_ended", callback, key)

    def _for_all(self, event: str, callback: SeedCallback, key: Hashable | None) -> Callable[[], None]:
        if not callable(callback):
            raise InvalidInput(f"the {event} callback must be callable without arguments, not {callback!r}")
        return _registry().on(event, _without_event(callback), key=("seed", key or callback_key(callback)))


def _registry() -> SessionRegistry:
    bridge = streamlit_bridge.installed()
    if bridge is None:
        from octostar_runtime.runtime import get_runtime

        registry: SessionRegistry = get_runtime().sessions
        streamlit_bridge.install(registry)
        return registry
    return bridge.registry


def _without_event(fn: SeedCallback) -> Callable[[SessionEvent], object]:
    def call(_: SessionEvent) -> object:
        return fn()

    call.__wrapped__ = fn  # type: ignore[attr-defined]  # names and tells apart by the app's own function
    return call
