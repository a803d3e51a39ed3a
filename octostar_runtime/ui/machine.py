"""What the machine says of our processes: memory told apart into own and shared, threads, files, disk, versions.

Read on demand for the System page and kept for two seconds for all viewers; a process that vanished is left out.
"""

import importlib.metadata
import os
import platform
import shutil
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

_PACKAGES = ("octostar-runtime", "streamlit", "fastapi", "uvicorn", "sqlalchemy", "psycopg", "plotly", "pandas")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessMemory:
    """One process. ``own`` bytes would come back if it ended; ``shared`` are held together with others.

    ``fair`` is own memory plus its part of what is shared (PSS): summed over processes it is the truth.
    """

    pid: int
    name: str
    own: int
    shared: int
    fair: int
    threads: int
    files: int
    cpu_s: float
    started_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadTime:
    """A thread of this process and the CPU seconds it has used."""

    name: str
    daemon: bool
    cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One reading."""

    processes: tuple[ProcessMemory, ...]
    threads: tuple[ThreadTime, ...]
    disk_used: int
    disk_total: int
    file_limit: int | None
    versions: tuple[tuple[str, str], ...]


def read(pids: Iterable[int], folder: Path) -> Machine:
    """Read the processes ``pids`` of this machine, this process and its children; ``folder`` is on the disk meant."""
    disk = shutil.disk_usage(folder if folder.exists() else Path.cwd())
    return Machine(
        processes=tuple(_processes(pids)),
        threads=tuple(_threads()),
        disk_used=disk.used,
        disk_total=disk.total,
        file_limit=_file_limit(),
        versions=_versions(),
    )


def _processes(pids: Iterable[int]) -> Iterable[ProcessMemory]:
    found: dict[int, psutil.Process] = {}
    for pid in {os.getpid(), *pids}:
        try:
            process = psutil.Process(pid)
            for each in (process, *process.children(recursive=True)):
                found[each.pid] = each
        except psutil.Error:
            continue
    for pid in sorted(found):
        told = _process(found[pid])
        if told is not None:
            yield told


def _process(process: psutil.Process) -> ProcessMemory | None:
    try:
        with process.oneshot():
            memory = process.memory_full_info()
            times = process.cpu_times()
            return ProcessMemory(
                pid=process.pid,
                name=_name(process),
                own=memory.uss,
                shared=max(memory.rss - memory.uss, 0),
                fair=getattr(memory, "pss", memory.uss),
                threads=process.num_threads(),
                files=process.num_fds() if hasattr(process, "num_fds") else 0,
                cpu_s=times.user + times.system,
                started_at=process.create_time(),
            )
    except psutil.Error:
        return None


def _name(process: psutil.Process) -> str:
    """Return the program: for Python its script or module, never its arguments, which may hold secrets."""
    words = process.cmdline()
    if len(words) > 1 and "python" in Path(words[0]).name:
        return words[2] if words[1] == "-m" and len(words) > 2 else Path(words[1]).name
    return process.name()


def _threads() -> Iterable[ThreadTime]:
    times = {thread.id: thread.user_time + thread.system_time for thread in psutil.Process().threads()}
    named = [
        ThreadTime(name=thread.name, daemon=thread.daemon, cpu_s=times.get(thread.native_id or 0, 0.0))
        for thread in threading.enumerate()
    ]
    return sorted(named, key=lambda thread: thread.cpu_s, reverse=True)


def _file_limit() -> int | None:
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


@cache  # no version changes while a process lives, and each is a file to read and parse
def _versions() -> tuple[tuple[str, str], ...]:
    return (("Python", platform.python_version()), ("System", platform.platform(terse=True)), *_packages())


def _packages() -> Iterable[tuple[str, str]]:
    for package in _PACKAGES:
        try:
            yield package, importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
