"""The engine of the embedded default: a run executes in its slot's own thread."""

import asyncio
from collections.abc import Coroutine
from types import CoroutineType
from typing import Any

from octostar_runtime.tasks.handle import TaskHandle
from octostar_runtime.tasks.run import Run, current_run
from octostar_runtime.tasks.stacks import live_stack

_set_current = current_run.set


class ThreadEngine:
    """Calls the function; a coroutine gets an event loop of its own."""

    name = "threads"
    remote = False

    def start(self) -> None:
        """Nothing to make ready."""

    def stop(self) -> None:
        """Nothing to give back."""

    def submit(self, run: Run, handle: TaskHandle) -> Any:
        """Call the run's function in the context it was submitted in."""
        context, fn, kwargs = run.context, run.fn, run.kwargs
        assert context is not None
        assert fn is not None
        context.run(_set_current, run)
        result = context.run(fn, handle, **kwargs) if kwargs else context.run(fn, handle)
        return context.run(_run_coroutine, run, result) if type(result) is CoroutineType else result

    def cancel(self, run: Run, *, hard: bool = False) -> None:
        """Cancel the asyncio task of a run that has one."""
        extra = run.extra
        if extra is not None and extra.async_task is not None:
            loop, task = extra.async_task
            try:
                loop.call_soon_threadsafe(task.cancel)
            except RuntimeError:
                return  # the loop has closed: the run is about to end

    def inspect(self, run: Run) -> str:
        """Return the stack of the run's thread."""
        worker = run.worker
        if worker is None or isinstance(worker, str) or worker.run is not run:
            return ""
        return live_stack(worker.thread_id, ours="octostar_runtime.tasks.")


def _run_coroutine(run: Run, coroutine: Coroutine[Any, Any, Any]) -> Any:
    async def main() -> Any:
        task = asyncio.current_task()
        assert task is not None
        with run.pool.lock:
            run.more().async_task = (asyncio.get_running_loop(), task)
        if run.cancel_requested:  # asked before there was a task to cancel
            task.cancel()
        return await coroutine

    try:
        with asyncio.Runner() as runner:
            return runner.run(main())
    finally:
        coroutine.close()  # when it never began, nothing else would
        with run.pool.lock:
            run.more().async_task = None
