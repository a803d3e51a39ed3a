"""CPU seconds per run, without asking the system twice for each of ten thousand short ones.

Reading a thread's CPU clock costs a system call of about a microsecond. A run shorter than 100 µs is counted with its
length; a longer one with what the clock says since the last reading, less what passed before it began. The clock is
read at least once a millisecond of short runs, which bounds the error.
"""

import time

#: Stands for "as long as the run", so that a short run needs no number of its own.
AS_LONG = -1.0
_SHORT_S = 0.0001
_READ_EVERY_S = 0.001
_thread_time = getattr(time, "thread_time", time.process_time)


class CpuMeter:
    """Belongs to one worker's thread."""

    __slots__ = ("_cpu", "_elsewhere_s", "_short_s")

    def __init__(self) -> None:
        self._cpu = 0.0
        self._elsewhere_s = 0.0
        self._short_s = 0.0

    def begin(self) -> None:
        """Take the first reading, in the thread itself."""
        self._cpu = _thread_time()

    def add(self, seconds: float) -> None:
        """Count what another process spent on the run that executes now."""
        self._elsewhere_s += seconds

    def end(self, started: float, ended: float) -> float:
        """Return the CPU seconds, or AS_LONG, of the run that began at ``started`` and has just ended (monotonic)."""
        length = ended - started
        if length < _SHORT_S:
            self._short_s += length
            if self._short_s > _READ_EVERY_S:
                self._cpu, self._short_s = _thread_time(), 0.0
            return AS_LONG
        before, self._cpu = self._cpu, _thread_time()
        used, self._short_s = self._cpu - before - self._short_s, 0.0
        elsewhere_s, self._elsewhere_s = self._elsewhere_s, 0.0
        return float(min(length, max(0.0, used))) + elsewhere_s
