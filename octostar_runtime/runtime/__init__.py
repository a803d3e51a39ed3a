"""The one runtime of this process.

``get_runtime()`` makes and starts it at the first call. It is kept in an anchor that survives Streamlit's hot reload
and "Clear cache"; it is stopped by :func:`stop_runtime`, or at the interpreter's exit.
"""

import atexit
from collections.abc import Callable

from octostar_runtime import anchor
from octostar_runtime.runtime.attribution import see_sessions
from octostar_runtime.runtime.composition import Runtime
from octostar_runtime.runtime.services import add_hooks

__all__ = ["Runtime", "get_runtime", "register_service", "stop_runtime"]
_KEY = "runtime"


def get_runtime(kind: str = "app") -> Runtime:
    """Return this process's started runtime; ``kind`` names the node when this call is the one that makes it.

    In a Streamlit server it sees every session from this call on, so a plain script needs no other.
    SettingsError, StoreTooNew or StoreUnavailable when it cannot be started: then none is kept.
    """
    runtime: Runtime = anchor.get_or_create(_KEY, lambda: _started(kind))
    see_sessions(runtime)
    return runtime


def stop_runtime() -> None:
    """Stop this process's runtime, if there is one; the next :func:`get_runtime` makes another."""
    runtime: Runtime | None = anchor.get(_KEY)
    if runtime is not None:
        runtime.stop()
        anchor.remove(_KEY, runtime)


def register_service(
    name: str,
    *,
    start: Callable[[], object],
    stop: Callable[[], object],
    healthy: Callable[[], object] | None = None,
    busy: Callable[[], int] | None = None,
    running: bool = False,
    depends_on: tuple[str, ...] = (),
) -> None:
    """Let the idle policy stop and start something of this app: a model in memory, a connection, a child process.

    ``start`` and ``stop`` may block; they are called on a thread of the service's own. ``healthy()`` tells whether it
    is up, ``busy()`` how much work is under way; ``running`` says that it is up already. A script may call this in
    every run: the newest functions are used. InvalidInput when the name or a function is none.
    """
    runtime = get_runtime()
    add_hooks(
        runtime.services,
        node_id=runtime.node.node_id,
        name=name,
        start=start,
        stop=stop,
        healthy=healthy,
        busy=busy,
        running=running,
        depends_on=depends_on,
        log=runtime.service_log,
    )


def _started(kind: str) -> Runtime:
    runtime = Runtime(kind=kind).start()
    atexit.register(runtime.stop)
    return runtime
