"""The one runtime of this process.

``get_runtime()`` makes and starts it at the first call. It is kept in an anchor that survives Streamlit's hot reload
and "Clear cache"; it is stopped by :func:`stop_runtime`, or at the interpreter's exit.
"""

import atexit

from octostar_runtime import anchor
from octostar_runtime.runtime.composition import Runtime

__all__ = ["Runtime", "get_runtime", "stop_runtime"]
_KEY = "runtime"


def get_runtime(kind: str = "app") -> Runtime:
    """Return this process's started runtime; ``kind`` names the node when this call is the one that makes it.

    SettingsError, StoreTooNew or StoreUnavailable when it cannot be started: then none is kept.
    """
    runtime: Runtime = anchor.get_or_create(_KEY, lambda: _started(kind))
    return runtime


def stop_runtime() -> None:
    """Stop this process's runtime, if there is one; the next :func:`get_runtime` makes another."""
    runtime: Runtime | None = anchor.get(_KEY)
    if runtime is not None:
        runtime.stop()
        anchor.remove(_KEY, runtime)


def _started(kind: str) -> Runtime:
    runtime = Runtime(kind=kind).start()
    atexit.register(runtime.stop)
    return runtime
