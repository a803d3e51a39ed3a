"""Read the machine (or the container) every 2 s; keep the last 15 minutes, and the last day in coarse steps.

One periodic thread calls :meth:`Sampler.sample`; readers on any thread get frozen values.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from octostar_runtime.clock import Clock
from octostar_runtime.models.fleet import HostSample
from octostar_runtime.periodic import PeriodicThread
from octostar_runtime.settings import Settings
from octostar_runtime.telemetry.cgroup import Cgroup
from octostar_runtime.telemetry.day import Day

INTERVAL_S = 2.0
KEPT = 450  # 15 minutes


class Sampler:
    """A ring of host samples. ``counts()`` gives people, running, queued and busy_share of the moment."""

    def __init__(
        self,
        *,
        clock: Clock,
        settings: Settings,
        counts: Callable[[], Mapping[str, float]] = dict,
        root: Path = Path("/"),
    ) -> None:
        self._clock = clock
        self._counts = counts
        self._cgroup = Cgroup(root)
        self._process = psutil.Process()
        self._machine_cores = psutil.cpu_count() or 1
        self._lock = threading.Lock()
        self._samples: deque[HostSample] = deque(maxlen=KEPT)
        self.day = Day(settings.state_dir / "host-day.jsonl")
        self._before: tuple[float, float, float] | None = None  # monotonic, scope's CPU s, process CPU s
        self._thread = PeriodicThread("octostar-sampler", self.sample, interval_s=INTERVAL_S)

    @property
    def latest(self) -> HostSample | None:
        """The newest sample, None before the first."""
        with self._lock:
            return self._samples[-1] if self._samples else None

    def history(self) -> tuple[HostSample, ...]:
        """Return the samples of the last 15 minutes, oldest first."""
        with self._lock:
            return tuple(self._samples)

    def start(self) -> None:
        """Take a first sample and go on every 2 s."""
        self.sample()
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """Stop sampling; True when the thread has ended in time."""
        return self._thread.stop(timeout_s)

    def sample(self) -> HostSample:
        """Read once. The first reading has no interval behind it and says 0 % CPU."""
        reading = self._cgroup.read()
        limited = reading.memory_limit is not None or reading.cores is not None
        cores = min(reading.cores or self._machine_cores, self._machine_cores)
        machine = psutil.virtual_memory()
        in_container = limited and reading.cpu_s is not None
        cpu_s = reading.cpu_s if in_container and reading.cpu_s is not None else _machine_cpu_s()
        times = self._process.cpu_times()
        cpu_percent, process_percent = self._percents(cpu_s, times.user + times.system, cores)
        known_memory = reading.memory_limit is not None and reading.memory_used is not None
        counts = self._counts()
        sample = HostSample(
            at=self._clock.time(),
            scope="container" if limited else "machine",
            cpu_percent=cpu_percent,
            memory_used=reading.memory_used or 0 if known_memory else machine.total - machine.available,
            memory_limit=min(reading.memory_limit or 0, machine.total) if known_memory else machine.total,
            process_cpu_percent=process_percent,
            process_memory=self._process.memory_info().rss,
            people=int(counts.get("people", 0)),
            running=int(counts.get("running", 0)),
            queued=int(counts.get("queued", 0)),
            busy_share=float(counts.get("busy_share", 0.0)),
        )
        with self._lock:
            self._samples.append(sample)
        self.day.add(sample)
        return sample

    def _percents(self, scope_s: float, process_s: float, cores: float) -> tuple[float, float]:
        now = self._clock.monotonic()
        before, self._before = self._before, (now, scope_s, process_s)
        if before is None or now <= before[0]:
            return 0.0, 0.0
        whole = (now - before[0]) * cores
        return _percent(scope_s - before[1], whole), _percent(process_s - before[2], whole)


def _machine_cpu_s() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))


def _percent(used: float, whole: float) -> float:
    return round(min(100.0, max(0.0, 100.0 * used / whole)), 1)
