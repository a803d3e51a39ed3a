"""What the child processes of the tests execute; a module that they can import quickly."""

import contextlib
import ctypes
import os
import signal
import subprocess
from typing import Any


def stubborn(task: Any) -> None:
    """Heed nothing, and have a helper process that heeds nothing."""
    helper = subprocess.Popen(["sleep", "600"])
    task.progress(0.1, partial=[os.getpid(), helper.pid])
    while True:
        with contextlib.suppress(BaseException):
            while True:
                sum(range(10_000))


def pid_of(task: Any) -> int:
    return os.getpid()


def segfault(task: Any) -> None:
    ctypes.string_at(0)


def kill_myself(task: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave(task: Any) -> None:
    os._exit(7)


def fork_and_return(task: Any) -> tuple[str, int]:
    """Let the copy return from the task as well, as one that forgets os._exit() does."""
    copy = os.fork()
    if copy == 0:
        task.progress(0.75)
        return "the copy", 0
    _, status = os.waitpid(copy, 0)
    task.progress(0.25)
    return "the task", os.waitstatus_to_exitcode(status)
