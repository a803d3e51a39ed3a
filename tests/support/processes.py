"""What a started program left behind: its descendants, and whatever else carries its mark in the environment."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

import psutil


def family(pid: int) -> list[psutil.Process]:
    """Return the process and all its descendants that live now."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def marked(text: str) -> list[psutil.Process]:
    """Return the living processes whose command line or environment contains ``text``."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            command = " ".join(process.cmdline())
            if text in command or text in str(process.environ()):
                found.append(process)
    return found


def alive(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Return those that still run (a zombie does not)."""
    return [p for p in processes if p.is_running() and _status(p) != psutil.STATUS_ZOMBIE]


def describe(processes: Iterable[psutil.Process]) -> str:
    """Return pids and command lines for a failing assertion."""
    lines = []
    for process in processes:
        with contextlib.suppress(psutil.Error):
            lines.append(f"{process.pid} {' '.join(process.cmdline())[:120]}")
    return "\n".join(lines)


def pss_bytes(processes: Iterable[psutil.Process]) -> int:
    """Return the memory the processes take together, shared pages counted once (PSS)."""
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.Error, OSError):
            for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


def _status(process: psutil.Process) -> str:
    try:
        return str(process.status())
    except psutil.NoSuchProcess:
        return str(psutil.STATUS_ZOMBIE)
