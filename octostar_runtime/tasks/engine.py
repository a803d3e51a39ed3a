"""Where a run's function is executed: the one thing that differs between threads, processes and clusters.

The pool keeps the fair queue and one thread per slot; the slot hands each run to the engine and waits for its end. So
queueing, fairness, timeouts, retries, utilisation and cancellation are the same for every engine.
"""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from octostar_runtime.models.pools import ClusterRecord
from octostar_runtime.tasks.handle import TaskHandle
from octostar_runtime.tasks.run import Run


class Engine(Protocol):
    """Five calls. All but ``submit`` return at once.

    ``remote``: runs execute in other processes, so their calls are packed at submit() (see ``engines.remote``), and a
    hard stop is the engine's own. Otherwise it is the exception that is raised in the slot's thread.
    """

    name: str
    remote: bool

    def start(self) -> None:
        """Make ready; called before the first run, after a ``stop``, and of a remote engine when it lost a slot."""
        ...

    def submit(self, run: Run, handle: TaskHandle) -> Any:
        """Execute the run in the slot's thread; return its result or raise its error."""
        ...

    def cancel(self, run: Run, *, hard: bool = False) -> None:
        """Pass on a request to cancel, beyond the flag that the handle reads. Must not block.

        ``hard`` (remote engines only): end what executes it, now, so that ``submit`` raises CancelledError.
        """
        ...

    def inspect(self, run: Run) -> str:
        """Return the live stack of the run, innermost frame last; "" when it cannot be told."""
        ...

    def stop(self) -> None:
        """Give back what ``start`` took; the runs that still execute end first."""
        ...


@runtime_checkable
class OnCluster(Protocol):
    """What an engine that has a cluster offers besides. All return at once."""

    def cluster(self) -> ClusterRecord:
        """Return what is known of the cluster now."""
        ...

    def resize(self, size: int) -> None:
        """Hear that the pool has ``size`` slots from now on."""
        ...

    def lacks(self, resources: Mapping[str, float]) -> str:
        """Say which of the resources no worker will ever have, and what to do; "" when one may."""
        ...


class LeftBehind(BaseException):
    """What ``submit`` raises when the run goes on elsewhere, and no longer is this process's to tell the end of."""


class Reported(BaseException):
    """What ``submit`` raises when the failure is known better than ``error`` can tell here: its text from elsewhere."""

    def __init__(self, error: BaseException, *, kind: str, text: str, traceback: str, retriable: bool) -> None:
        super().__init__(text)
        self.error = error
        self.kind = kind
        self.text = text
        self.traceback = traceback
        self.retriable = retriable
