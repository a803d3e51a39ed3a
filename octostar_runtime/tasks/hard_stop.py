"""Raising an exception in the thread of a task that does not heed its cancellation.

Python delivers it at the thread's next bytecode, wherever that is. A :class:`Claim` makes sure that this is inside the
task and never inside the worker's own code: who takes the claim first, the one who wants to stop or the worker that
leaves the task, decides, and a worker that comes second waits for the exception to arrive before it goes on.
"""

import ctypes
import time

from octostar_runtime.errors import CancelledError

_ARRIVES_WITHIN_S = 1.0


class HardStop(CancelledError):
    """Raised in the thread of a task by the hard stop."""


class Claim:
    """A thread's stretches in task code. ``stop`` is called under the manager's lock, the rest by the thread.

    The thread begins a stretch by appending to ``token``.
    """

    __slots__ = ("_sent", "thread_id", "token")

    def __init__(self) -> None:
        self.thread_id = 0
        self.token: list[bool] = []
        self._sent = False

    def stop(self) -> bool:
        """Raise HardStop in the thread; False when it has left the stretch or was stopped in it before."""
        try:
            self.token.pop()  # one atomic step
        except IndexError:
            return False
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.thread_id), ctypes.py_object(HardStop))
        self._sent = True
        return True

    def leave(self) -> None:
        """End the stretch; may raise the HardStop that is on its way."""
        try:
            self.token.pop()
        except IndexError:
            self._await_arrival()

    def _await_arrival(self) -> None:
        until = time.monotonic() + _ARRIVES_WITHIN_S
        while not self._sent and time.monotonic() < until:
            time.sleep(0.0005)
        self._sent = False
        for _ in range(3):  # it arrives at one of these steps, unless the task has swallowed it
            time.sleep(0)
