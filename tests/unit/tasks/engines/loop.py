"""The smallest remote engine there can be: everything travels as bytes, but to a thread of this process."""

import pickle
import threading
from typing import Any

from octostar_runtime.tasks.engines.remote.execution import Execution
from octostar_runtime.tasks.engines.remote.messages import Assignment, Ending, News
from octostar_runtime.tasks.engines.remote.receiver import Receiver, assignment_of, settle
from octostar_runtime.tasks.handle import TaskHandle
from octostar_runtime.tasks.run import Run


class LoopEngine:
    """A transport of nothing: what is sent is pickled and read at once."""

    name = "loop"
    remote = True

    def __init__(self, *, result_limit: int = 2**20, partial_limit: int = 2**16) -> None:
        self.limits = {"result_limit": result_limit, "partial_limit": partial_limit}
        self.sent: list[News] = []
        self._executions: dict[str, Execution] = {}

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def submit(self, run: Run, handle: TaskHandle) -> Any:
        receiver = Receiver(run, handle)
        assignment = Assignment.read(assignment_of(run, **self.limits).packed())
        endings: list[bytes] = []

        def send(news: News) -> None:
            self.sent.append(news)
            receiver.apply(News.read(pickle.loads(pickle.dumps(news.wire()))))

        execution = self._executions[run.run_id] = Execution(assignment, send)
        if run.cancel_requested:
            execution.cancel()
        child = threading.Thread(target=lambda: endings.append(pickle.dumps(execution.perform())), name="loop-child")
        child.start()
        child.join()
        receiver.close()
        del self._executions[run.run_id]
        ending: Ending = pickle.loads(endings[0])
        return settle(run, ending)

    def cancel(self, run: Run, *, hard: bool = False) -> None:
        execution = self._executions.get(run.run_id)
        if execution is not None:
            execution.cancel()

    def inspect(self, run: Run) -> str:
        execution = self._executions.get(run.run_id)
        return execution.stack() if execution is not None else ""
