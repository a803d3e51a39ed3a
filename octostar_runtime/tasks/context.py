"""How tasks learn whose session submits them, without knowing any web framework.

The edge that knows installs a provider once; it is called in the submitting thread, must be quick, and returns None
when the thread belongs to no session. A task that submits another one passes its own session on.
"""

from collections.abc import Callable
from dataclasses import dataclass

from octostar_runtime import anchor
from octostar_runtime.tasks.run import current_run


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionContext:
    """The session, and its user if known, on whose behalf the present thread works."""

    session_id: str
    user: str | None = None


SessionProvider = Callable[[], SessionContext | None]
#: The one provider of the process, in a list so that every copy of this module sees a change.
PROVIDER: list[SessionProvider | None] = anchor.get_or_create("session_provider", lambda: [None])


def install_session_provider(provider: SessionProvider | None) -> None:
    """Install what :func:`current_session` asks; None removes it."""
    PROVIDER[0] = provider


def current_session() -> SessionContext | None:
    """Return the session of the present thread, None when there is none or nobody knows."""
    provider = PROVIDER[0]
    return None if provider is None else provider()


def ambient(user: str | None) -> tuple[str | None, str | None]:
    """Return the session and user on whose behalf this thread works: a task's own, else what the edge knows."""
    parent = current_run.get()
    if parent is not None:
        return parent.session_id, user if user is not None else parent.user
    session = current_session()
    if session is None:
        return None, user
    return session.session_id, user if user is not None else session.user
