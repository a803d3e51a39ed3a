"""Where a run's function is executed: the one thing that differs between threads, processes and clusters.

The pool keeps the fair queue and one thread per slot; the slot hands each run to the engine and waits for its end. So
queueing, fairness, timeouts, retries, utilisation and cancellation are the same for every engine.
"""

from typing import Any, Protocol

from octostar_runtime.tasks.handle import TaskHandle
from octostar_runtime.tasks.run import Run


class Engine(Protocol):
    """Five calls. All but ``submit`` return at once."""

    name: str

    def start(self) -> None:
        """Make ready; called before the first run and after a ``stop``."""
        ...

    def submit(self, run: Run, handle: TaskHandle) -> Any:
        """Execute the run in the slot's thread; return its result or raise its error."""
        ...

    def cancel(self, run: Run) -> None:
        """Pass on a request to cancel, beyond the flag that the handle reads. Must not block."""
        ...

    def inspect(self, run: Run) -> str:
        """Return the live stack of the run, innermost frame last; "" when it cannot be told."""
        ...

    def stop(self) -> None:
        """Give back what ``start`` took."""
        ...
