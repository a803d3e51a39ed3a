"""The container's limits are found in trees as the kernel lays them out."""

from pathlib import Path

import pytest

from octostar_runtime.settings import Settings
from octostar_runtime.telemetry import Sampler
from octostar_runtime.telemetry.cgroup import Cgroup
from octostar_runtime.testing import ManualClock

MIB = 1 << 20


def _tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def _v2(root: Path, prefix: str = "", **more: str) -> Path:
    base = f"sys/fs/cgroup{prefix}"
    return _tree(
        root,
        {
            "proc/self/cgroup": f"0::{prefix or '/'}\n",
            f"{base}/cgroup.controllers": "cpu memory",
            f"{base}/memory.max": f"{512 * MIB}\n",
            f"{base}/memory.current": f"{300 * MIB}\n",
            f"{base}/memory.stat": f"anon 1\ninactive_file {100 * MIB}\n",
            f"{base}/cpu.max": "150000 100000\n",
            f"{base}/cpu.stat": "usage_usec 2500000\nuser_usec 1\n",
            **more,
        },
    )


def test_version_2_tells_use_without_page_cache_and_the_limits(tmp_path: Path) -> None:
    reading = Cgroup(_v2(tmp_path)).read()
    assert (reading.memory_used, reading.memory_limit) == (200 * MIB, 512 * MIB)
    assert (reading.cores, reading.cpu_s) == (1.5, 2.5)


def test_the_tightest_limit_of_the_ancestors_counts(tmp_path: Path) -> None:
    root = _v2(
        tmp_path,
        "/pod/app",
        **{
            "sys/fs/cgroup/pod/memory.max": f"{256 * MIB}",
            "sys/fs/cgroup/pod/memory.current": f"{128 * MIB}",
            "sys/fs/cgroup/pod/cpu.max": "50000 100000",
        },
    )
    reading = Cgroup(root).read()
    assert (reading.memory_used, reading.memory_limit, reading.cores) == (128 * MIB, 256 * MIB, 0.5)


def test_max_means_no_limit(tmp_path: Path) -> None:
    root = _v2(tmp_path, **{"sys/fs/cgroup/memory.max": "max\n", "sys/fs/cgroup/cpu.max": "max 100000\n"})
    reading = Cgroup(root).read()
    assert reading.memory_limit is None
    assert reading.cores is None


def test_version_1_with_a_path_of_the_host_falls_back_to_the_mount(tmp_path: Path) -> None:
    root = _tree(
        tmp_path,
        {
            "proc/self/cgroup": "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/x\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{128 * MIB}",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{64 * MIB}",
            "sys/fs/cgroup/memory/memory.stat": "total_inactive_file 0\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            "sys/fs/cgroup/cpuacct/cpuacct.usage": "3000000000",
        },
    )
    reading = Cgroup(root).read()
    assert (reading.memory_used, reading.memory_limit) == (64 * MIB, 128 * MIB)
    assert (reading.cores, reading.cpu_s) == (2.0, 3.0)


@pytest.mark.parametrize("quota", ["-1", "", "nonsense"])
def test_version_1_without_a_limit_has_none(tmp_path: Path, quota: str) -> None:
    root = _tree(
        tmp_path,
        {
            "proc/self/cgroup": "5:memory,cpu:/\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": quota,
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
        },
    )
    reading = Cgroup(root).read()
    assert (reading.memory_limit, reading.cores) == (None, None)


def test_in_a_container_the_sample_says_so_and_cpu_is_of_what_the_container_may_use(tmp_path: Path) -> None:
    clock = ManualClock()
    root = _v2(tmp_path)
    sampler = Sampler(clock=clock, settings=Settings(), root=root)
    first = sampler.sample()
    assert (first.scope, first.cpu_percent) == ("container", 0.0)
    assert (first.memory_used, first.memory_limit) == (200 * MIB, 512 * MIB)
    (root / "sys/fs/cgroup/cpu.stat").write_text("usage_usec 4000000\n")
    clock.advance(2)
    assert sampler.sample().cpu_percent == 50.0  # 1.5 s of the 3 s that 1.5 cores have in 2 s
