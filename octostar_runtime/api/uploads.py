"""Where the files of calls lie: one folder per request, bounded in number, size and age."""

import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from starlette.exceptions import HTTPException

from octostar_runtime.ids import new_id

#: Uploads of runs that did not end well are kept this long, so that the run can be retried ...
KEPT_S = 3600.0
#: ... the newest of them, as long as they are no larger than this together.
KEPT_BYTES = 1 << 30
#: Nothing is taken any more when the disk has less than this left: the store lies on it, too.
RESERVE_BYTES = 256 << 20


class Uploads:
    """The directory of uploaded files. ``is_live(run_id)`` tells whether a run has yet to end. Safe from any thread."""

    def __init__(self, directory: Path, *, is_live: Callable[[str], bool], kept_bytes: int = KEPT_BYTES) -> None:
        self._directory = directory
        self._is_live = is_live
        self._kept_bytes = kept_bytes
        self._lock = threading.Lock()
        self._arriving: set[str] = set()
        self._runs: dict[str, str] = {}  # folder → the run that reads it

    def folder(self) -> Path:
        """Make a fresh folder that only we can read. HTTPException 507 when the disk is nearly full."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.sweep()
        if shutil.disk_usage(self._directory).free < RESERVE_BYTES:
            raise disk_full()
        name = new_id()
        with self._lock:
            self._arriving.add(name)
        folder = self._directory / name
        folder.mkdir(mode=0o700)
        return folder

    def belongs_to(self, folder: Path, run_id: str) -> None:
        """Keep the folder for as long as that run has not ended."""
        with self._lock:
            self._arriving.discard(folder.name)
            self._runs[folder.name] = run_id

    def drop(self, folder: Path) -> None:
        """Remove a folder of which nothing became."""
        shutil.rmtree(folder, ignore_errors=True)
        with self._lock:
            self._arriving.discard(folder.name)
            self._runs.pop(folder.name, None)

    def sweep(self, older_than_s: float = KEPT_S) -> None:
        """Remove what no run is going to read and what is too old or too much to be kept for a retry."""
        kept = 0
        for changed_at, folder in sorted(self._ended(), reverse=True):
            kept += _size(folder)
            if kept > self._kept_bytes or time.time() - changed_at > older_than_s:
                self.drop(folder)

    def _ended(self) -> list[tuple[float, Path]]:
        found = []
        for folder in self._directory.iterdir() if self._directory.is_dir() else ():
            with self._lock:
                run_id, arriving = self._runs.get(folder.name), folder.name in self._arriving
            if arriving or (run_id is not None and self._is_live(run_id)):
                continue
            with suppress(FileNotFoundError):  # its run has just removed it
                found.append((folder.stat().st_mtime, folder))
        with self._lock:
            self._runs = {name: run for name, run in self._runs.items() if (self._directory / name).exists()}
        return found


def disk_full() -> HTTPException:
    """Return the error for a disk that cannot take a file."""
    return HTTPException(
        507, "the disk of this service is nearly full; nothing can be uploaded now", {"Retry-After": "60"}
    )


def _size(folder: Path) -> int:
    total = 0
    for file in folder.glob("*"):
        with suppress(FileNotFoundError):
            total += file.stat().st_size
    return total
