"""What the registry asks of the web server behind it; the Streamlit bridge is one."""

from typing import Protocol


class Scope(Protocol):
    """Makes one session's ``st.session_state`` the current one on the calling thread, and takes it away again."""

    def enter(self) -> object:
        """Attach; returns what :meth:`exit` needs to restore the thread exactly."""
        ...

    def exit(self, previous: object) -> None: ...


class SessionControl(Protocol):
    """Acts on sessions of this process. Methods may be called from any thread and return before the effect.

    ``session_id`` is the public one. A session that is already gone is not an error.
    """

    def drop(self, session_id: str) -> None:
        """Close the websocket, if any, and forget the session with all it holds."""
        ...

    def stop_script(self, session_id: str) -> None: ...

    def rerun(self, session_id: str) -> None: ...

    def deliver(self, session_id: str) -> None:
        """Messages wait in the session's mailbox: let the page show them."""
        ...

    def memory(self, session_id: str) -> dict[str, int]:
        """Return the approximate bytes held under each key of the session's state."""
        ...
