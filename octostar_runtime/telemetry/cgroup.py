"""A container's own use and limits, read from cgroup v2 or v1.

In a container psutil shows the whole machine; what matters there is how near the process is to the container's
limits. Every file may be missing or unreadable: then there is simply no limit to show.
"""

from dataclasses import dataclass
from pathlib import Path

#: A v1 memory limit at least this large means "none" (the kernel writes a huge number).
_NO_LIMIT = 1 << 60


@dataclass(frozen=True, slots=True, kw_only=True)
class CgroupReading:
    """One look. ``cpu_s`` is CPU time used so far; limits are None where there is none. Memory in bytes."""

    cpu_s: float | None
    cores: float | None
    memory_used: int | None
    memory_limit: int | None


class Cgroup:
    """The control group of this process below ``root`` (normally ``/``)."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._v2: list[Path] = []
        self._v1_memory: list[Path] = []
        self._v1_cpu: list[Path] = []
        self._v1_cpuacct: list[Path] = []
        mount = root / "sys/fs/cgroup"
        for line in _lines(root / "proc/self/cgroup"):
            _, _, rest = line.partition(":")
            controllers, _, path = rest.partition(":")
            if not controllers:
                self._v2 = _ancestors(mount, path)
            names = controllers.split(",")
            if "memory" in names:
                self._v1_memory = _ancestors(mount / "memory", path)
            if "cpu" in names:
                self._v1_cpu = _ancestors(mount / "cpu", path)
            if "cpuacct" in names:
                self._v1_cpuacct = _ancestors(mount / "cpuacct", path)

    def read(self) -> CgroupReading:
        """Return use and limits now; the tightest limit of the group and its ancestors counts."""
        return self._read_v2() if any((path / "cgroup.controllers").exists() for path in self._v2) else self._read_v1()

    def _read_v2(self) -> CgroupReading:
        limit, holder = _tightest(self._v2, "memory.max")
        used = _number(holder / "memory.current") if holder else None
        cache = _field(holder / "memory.stat", "inactive_file") if holder else None
        own = self._v2[0]
        usec = _field(own / "cpu.stat", "usage_usec")
        return CgroupReading(
            cpu_s=None if usec is None else usec / 1e6,
            cores=min((cores for path in self._v2 if (cores := _v2_cores(path))), default=None),
            memory_used=None if used is None else max(0, used - (cache or 0)),
            memory_limit=limit,
        )

    def _read_v1(self) -> CgroupReading:
        limit, holder = _tightest(self._v1_memory, "memory.limit_in_bytes")
        used = _number(holder / "memory.usage_in_bytes") if holder else None
        cache = _field(holder / "memory.stat", "total_inactive_file") if holder else None
        nanoseconds = next((n for path in self._v1_cpuacct if (n := _number(path / "cpuacct.usage")) is not None), None)
        return CgroupReading(
            cpu_s=None if nanoseconds is None else nanoseconds / 1e9,
            cores=min((cores for path in self._v1_cpu if (cores := _v1_cores(path))), default=None),
            memory_used=None if used is None else max(0, used - (cache or 0)),
            memory_limit=limit,
        )


def _ancestors(mount: Path, path: str) -> list[Path]:
    """Return the group's directory and those above it, nearest first.

    Inside a container the path may be the host's and not exist here; the mount itself is the group then.
    """
    parts = [part for part in path.split("/") if part and part != ".."]
    found = [mount.joinpath(*parts[:depth]) for depth in range(len(parts), -1, -1)]
    return [directory for directory in found if directory.is_dir()] or [mount]


def _tightest(paths: list[Path], name: str) -> tuple[int | None, Path | None]:
    limits = [(limit, path) for path in paths if (limit := _number(path / name)) is not None and limit < _NO_LIMIT]
    return min(limits, default=(None, None), key=lambda pair: pair[0])


def _v2_cores(path: Path) -> float | None:
    words = " ".join(_lines(path / "cpu.max")).split()
    return _ratio(*words[:2]) if len(words) >= 2 else None


def _v1_cores(path: Path) -> float | None:
    quota, period = _number(path / "cpu.cfs_quota_us"), _number(path / "cpu.cfs_period_us")
    return quota / period if quota is not None and period and quota > 0 else None


def _ratio(quota: str, period: str) -> float | None:
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None


def _number(path: Path) -> int | None:
    text = " ".join(_lines(path)).strip()
    return int(text) if text.lstrip("-").isdigit() else None


def _field(path: Path, name: str) -> int | None:
    for line in _lines(path):
        key, _, value = line.partition(" ")
        if key == name and value.strip().isdigit():
            return int(value)
    return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return []
