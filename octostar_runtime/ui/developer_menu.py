"""Who may use the developer's menu of Streamlit in an app that mounts the console: its operators.

Streamlit lets any browser clear the caches of everybody, and does not ask. What a session's viewer may do is known
when its script runs, the message comes on the server's event loop: here the one tells the other.
"""

import threading
from collections import OrderedDict

from octostar_runtime.models.access import Role
from octostar_runtime.models.sessions import SessionContext
from octostar_runtime.sessions import SessionRegistry, streamlit_bridge

#: Sessions that are remembered; one that was pushed out has to run its script again first.
KEPT = 10_000


class DeveloperMenu:
    """The role of each session's viewer, as its last run found it."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._roles: OrderedDict[str, Role] = OrderedDict()

    def saw(self, session: SessionContext | None, role: Role) -> None:
        """Remember what the viewer of ``session`` is; called by each run of the app's script."""
        if session is None:
            return
        with self._lock:
            self._roles[session.session_id] = role
            self._roles.move_to_end(session.session_id)
            while len(self._roles) > self._kept:
                self._roles.popitem(last=False)

    def allows(self, _message: str, session: SessionContext) -> bool:
        """Whether this session may do what the menu asks for; called on the event loop."""
        with self._lock:
            return self._roles.get(session.session_id, Role.NOBODY) >= Role.OPERATOR

    def guard(self, registry: SessionRegistry) -> None:
        """Ask here before the server does it. Does nothing outside a Streamlit server."""
        streamlit_bridge.install(registry, allow=self.allows)
