"""Functions for the journeys: one that fails, one that works until cancelled, one that does not listen."""

import time
from typing import Any

from octostar_runtime.functions import api_function


@api_function
def fails(task: Any, number: int) -> str:
    """Fail, each time with the same kind of error."""
    raise ValueError(f"row {number} holds no amount")


@api_function
def loses(task: Any, number: int) -> str:
    """Fail in the same way each time, and as nothing else does."""
    raise LookupError(f"row {number} is not there")


@api_function
def breaks(task: Any) -> str:
    """Fail in a way of its own."""
    raise KeyError("amount")


@api_function
def trips(task: Any) -> str:
    """Fail at once."""
    raise OSError("no such shelf")


@api_function
def works(task: Any, seconds: float) -> str:
    """Work for a while, with progress, and stop when asked to."""
    for step in range(int(seconds * 10)):
        task.progress(step / (seconds * 10), message=f"step {step}")
        task.sleep(0.1)
    return "done"


@api_function
def does_not_listen(task: Any, seconds: float) -> str:
    """Never look whether it is asked to stop."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.05)
    return "done"
