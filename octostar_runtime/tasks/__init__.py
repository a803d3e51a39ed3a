"""Background work: a pool of threads that is fair between sessions, and every run's story.

tasks = TaskManager()
run_id = tasks.submit("report-7", make_report, {"month": "May"})
tasks.snapshot("report-7").state

Names are imported when they are first used, so that a child process which only executes runs starts quickly.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from octostar_runtime.tasks.context import SessionContext as SessionContext
    from octostar_runtime.tasks.context import install_session_provider as install_session_provider
    from octostar_runtime.tasks.handle import TaskHandle as TaskHandle
    from octostar_runtime.tasks.manager import TaskManager as TaskManager
    from octostar_runtime.tasks.registry import task as task

_HOMES = {
    "SessionContext": "context",
    "TaskHandle": "handle",
    "TaskManager": "manager",
    "install_session_provider": "context",
    "task": "registry",
}

__all__ = ["SessionContext", "TaskHandle", "TaskManager", "install_session_provider", "task"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it offers {', '.join(_HOMES)}")
    found = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = found
    return found
