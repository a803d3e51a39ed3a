"""Octostar runtime: background tasks, sessions and idle shutdown for Streamlit apps.

    import octostar_runtime as octostar

    runtime = octostar.get_runtime()                      # this process's one runtime, started
    run_id = runtime.tasks.submit("report", make_report)  # background work that can be watched and cancelled
    octostar.show_task("report")                          # its state, drawn live in the page
    octostar.show_messages()                              # what operators have to say to this session

Names are imported when they are first used: importing this package imports neither Streamlit nor a web server.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from octostar_runtime.errors import CancelledError as CancelledError
    from octostar_runtime.errors import OctostarRuntimeError as OctostarRuntimeError
    from octostar_runtime.functions import api_function as api_function
    from octostar_runtime.input_file import InputFile as InputFile
    from octostar_runtime.models.runs import RunRecord as RunRecord
    from octostar_runtime.models.runs import RunState as RunState
    from octostar_runtime.models.sessions import SessionRecord as SessionRecord
    from octostar_runtime.models.sessions import SessionState as SessionState
    from octostar_runtime.runtime import Runtime as Runtime
    from octostar_runtime.runtime import get_runtime as get_runtime
    from octostar_runtime.runtime import register_service as register_service
    from octostar_runtime.runtime import stop_runtime as stop_runtime
    from octostar_runtime.sessions import SessionRegistry as SessionRegistry
    from octostar_runtime.settings import Settings as Settings
    from octostar_runtime.tasks import TaskHandle as TaskHandle
    from octostar_runtime.tasks import TaskManager as TaskManager
    from octostar_runtime.tasks import task as task
    from octostar_runtime.ui.ask_browser import ask_browser as ask_browser
    from octostar_runtime.ui.mount import console_pages as console_pages
    from octostar_runtime.ui.show_messages import show_messages as show_messages
    from octostar_runtime.ui.show_task import show_task as show_task

__version__ = "0.1.0"

_HOMES = {
    "CancelledError": "errors",
    "InputFile": "input_file",
    "OctostarRuntimeError": "errors",
    "RunRecord": "models.runs",
    "RunState": "models.runs",
    "Runtime": "runtime",
    "SessionRecord": "models.sessions",
    "SessionRegistry": "sessions",
    "SessionState": "models.sessions",
    "Settings": "settings",
    "TaskHandle": "tasks",
    "TaskManager": "tasks",
    "api_function": "functions",
    "ask_browser": "ui.ask_browser",
    "console_pages": "ui.mount",
    "get_runtime": "runtime",
    "register_service": "runtime",
    "show_messages": "ui.show_messages",
    "show_task": "ui.show_task",
    "stop_runtime": "runtime",
    "task": "tasks",
}

__all__ = [
    "__version__",
    *_HOMES,
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it offers {', '.join(_HOMES)}")
    found = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
