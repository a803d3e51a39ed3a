"""Background work: a pool of threads that is fair between sessions, and every run's story.

tasks = TaskManager()
run_id = tasks.submit("report-7", make_report, {"month": "May"})
tasks.snapshot("report-7").state
"""

from octostar_runtime.tasks.context import SessionContext, install_session_provider
from octostar_runtime.tasks.handle import TaskHandle
from octostar_runtime.tasks.manager import TaskManager
from octostar_runtime.tasks.registry import task

__all__ = ["SessionContext", "TaskHandle", "TaskManager", "install_session_provider", "task"]
