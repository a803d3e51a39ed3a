"""``AsyncTaskManager`` by its old name and with its old calls, on top of this library's task manager.

An app that used ``streamlit_octostar_utils.threading.async_task_manager`` changes the import and nothing else. Its
tasks run in a pool of their own in the process-wide task manager, so the console shows them. A pool that the settings
declare under the name it would get (``async-report`` for ``get_handler("report")``) is used as declared: its size, its
engine.
"""

import atexit
import threading
import weakref
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from octostar_runtime import anchor, errors
from octostar_runtime.anchor import survives_reload
from octostar_runtime.errors import ManagerClosed, TaskNotFound
from octostar_runtime.models import runs
from octostar_runtime.tasks import TaskHandle, TaskManager
from octostar_runtime.tasks.validation import checked_size

_EXIT_WAIT_S = 2.0


class _Handlers:
    """``get_handler``: one manager per task type for the whole process."""

    def __call__(self, task_type: Hashable) -> "AsyncTaskManager":
        """Return the manager of that type, made at the first call. Reruns and "Clear cache" give the same one."""
        return anchor.get_or_create(
            f"async_task_manager:{task_type!r}", lambda: AsyncTaskManager(AsyncTaskManager.max_workers, task_type)
        )

    def clear(self) -> None:
        """Does nothing: clearing a cache must not lose running tasks. It is here because the seed's had it."""


@survives_reload
class AsyncTaskManager:
    """A pool of workers for tasks that are submitted, polled and cancelled by their id."""

    max_workers = 10
    TaskData = TaskHandle
    TaskStatus = runs.TaskStatus
    CancelledError = errors.CancelledError
    get_handler = _Handlers()

    def __init__(self, max_workers: int, task_type: Hashable = None, *, per_session: bool = False) -> None:
        """Make a manager with a pool of its own; ValueError unless ``max_workers`` is at least 1.

        With ``per_session`` each session has task ids of its own: two users who submit under the same id do not see
        each other's tasks. Its calls then need a session, as the scripts of a Streamlit app and its tasks have one.
        """
        self._tasks = _task_manager()
        name, self.max_workers, declared = _find_pool(self._tasks, max_workers, task_type)
        self._scope = f"session:{name}" if per_session else name
        self._pool: str | None = name  # None once join_all() has closed it
        if not declared:  # when the app lets go of its manager, the work that is left ends, and then the threads
            weakref.finalize(self, self._tasks.abandon_pool, name).atexit = False

    def submit(self, task_id: Hashable, task: Callable[..., Any], kwargs: Mapping[str, Any] | None = None) -> bool:
        """Run ``task(task_data, **kwargs)`` in the pool. Returns at once; a live task of the same id is superseded."""
        if self._pool is None:
            raise ManagerClosed("join_all() has closed this manager; make a new one to submit more")
        self._tasks.submit(task_id, task, kwargs, pool=self._pool, scope=self._scope)
        return True

    def get_result(self, task_id: Hashable) -> dict[str, Any]:
        """Return ``{"id", "status", "data"}``; KeyError when the id is unknown or its result was dropped."""
        return self._tasks.get_result(task_id, scope=self._scope)

    def output(self, task_id: Hashable, status: Any, data: Any) -> None:
        """Hand out an intermediate result for a task; a task itself calls ``task_data.output``."""
        self._tasks.output(task_id, status, data, scope=self._scope)

    def cancel(self, task_id: Hashable) -> bool:
        """Ask a task to stop; False when there is nothing to stop."""
        try:
            return self._tasks.cancel(task_id, scope=self._scope)
        except TaskNotFound:
            return False

    def cancel_all(self) -> None:
        """Ask every task of this manager to stop."""
        if self._pool is not None:
            self._tasks.cancel_pool(self._pool, reason="cancel_all")

    def join(self, task_id: Hashable) -> None:
        """Wait until a task has ended; returns at once for an unknown id."""
        try:
            self._tasks.wait(task_id, scope=self._scope)
        except TaskNotFound:
            return

    def join_all(self) -> None:
        """Wait until every task has ended, then close the manager; submitting to it afterwards is an error."""
        if self._pool is None:
            return
        self._tasks.join_pool(self._pool)
        self._tasks.close_pool(self._pool)
        self._pool = None


_names = threading.Lock()


def _find_pool(tasks: TaskManager, size: int, task_type: Hashable) -> tuple[str, int, bool]:
    """Return the name and size of a pool for a new manager, and whether the settings declare it.

    Otherwise a pool is added under the first free name, with the engine of the declared one if there is one.
    """
    base = "async" if task_type is None else f"async-{task_type}"
    declared = tasks.settings.pools.get(base)
    with _names:
        taken = {pool.name for pool in tasks.pools()}
        used: set[str] = tasks.__dict__.setdefault("_async_pools", set())
        if declared is not None and base in taken and base not in used:
            used.add(base)
            return base, declared.size, True
        name = next(one for n in range(1, len(taken) + 2) if (one := base if n == 1 else f"{base}-{n}") not in taken)
        if declared is None:
            tasks.add_pool(name, checked_size(size, "max_workers"))
        else:
            size = declared.size
            tasks.add_pool(name, **declared.model_dump())
    return name, size, False


def _task_manager() -> TaskManager:
    """Return the process-wide runtime's task manager, or one of our own that lives as long as the process."""
    runtime = anchor.get("runtime")
    tasks = getattr(runtime, "tasks", None)
    return tasks if tasks is not None else anchor.get_or_create("task_manager", _own_manager)


def _own_manager() -> TaskManager:
    manager = TaskManager()
    atexit.register(manager.close, _EXIT_WAIT_S)
    return manager
