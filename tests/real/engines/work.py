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
