"""A log of its own for each service that is no program: one text file, bounded and rotated.

What it holds: each start and stop with how long it took, what it raised with the traceback, what the service's
callables log with plain ``logging`` while they run, and whatever the app logs under ``octostar.service.<name>``.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path

logger = logging.getLogger(__name__)

#: Bytes of one file, and how many older ones are kept.
FILE_BYTES, OLDER_FILES = 1_000_000, 2
#: Lines kept in memory where there is no directory, or where it cannot be written.
MEMORY_LINES = 500
_FORMAT = "%(asctime)s %(levelname)s %(message)s"


class ServiceLog:
    """Writes to ``directory/name.log`` from the first line on; without a directory it keeps the newest lines only."""

    def __init__(
        self, name: str, directory: Path | None = None, *, logger_name: str = "", file_bytes: int = FILE_BYTES
    ) -> None:
        self._path = None if directory is None else directory / f"{name.replace(':', '-').replace('/', '-')}.log"
        self._file_bytes = file_bytes
        self._lock = threading.Lock()
        self._memory: deque[str] = deque(maxlen=MEMORY_LINES)
        self._formatter = logging.Formatter(_FORMAT)
        self._own = logging.getLogger(f"octostar.service.{logger_name or name}")
        self._tap = _Tap(self._write)

    def line(self, text: str, *, level: int = logging.INFO, error: BaseException | None = None) -> None:
        """Add a line; with ``error`` its traceback."""
        info = None if error is None else (type(error), error, error.__traceback__)
        self._write(logging.LogRecord("octostar.service", level, "", 0, text, None, info))

    @contextmanager
    def call(self, what: str) -> Iterator[None]:
        """Log that ``what`` is called and how it went, and what is logged by this thread meanwhile."""
        began = time.monotonic()
        self.line(f"{what} is called")
        tap = _Tap(self._write, thread=threading.get_ident(), but=self._own.name)
        root = logging.getLogger()
        root.addHandler(tap)
        try:
            yield
        except BaseException as error:
            self.line(f"{what} failed after {time.monotonic() - began:.2f} s", level=logging.ERROR, error=error)
            raise
        else:
            self.line(f"{what} returned after {time.monotonic() - began:.2f} s")
        finally:
            root.removeHandler(tap)

    def listen(self) -> None:
        """Keep what the app logs under ``octostar.service.<name>`` from now on, in place of an earlier log."""
        for handler in [handler for handler in self._own.handlers if isinstance(handler, _Tap)]:
            self._own.removeHandler(handler)
        self._own.addHandler(self._tap)
        if self._own.level == logging.NOTSET:
            self._own.setLevel(logging.INFO)

    def tail(self, lines: int) -> str:
        """Return the newest lines, also across a rotation."""
        if self._path is None:
            return "".join(f"{line}\n" for line in list(self._memory)[-lines:])
        found = _last_lines(self._path, lines)
        if len(found) < lines:
            older = self._path.with_name(self._path.name + ".1")
            found = _last_lines(older, lines - len(found)) + found
        return "".join(f"{line}\n" for line in found)

    def _write(self, record: logging.LogRecord) -> None:
        with self._lock:
            if self._path is None:
                self._memory.extend(self._formatter.format(record).splitlines())
                return
            try:
                self._append(self._path, record)
            except OSError as error:
                logger.warning("service log %s cannot be written (%s); its lines are kept in memory", self._path, error)
                self._path = None
                self._memory.extend(self._formatter.format(record).splitlines())

    def _append(self, path: Path, record: logging.LogRecord) -> None:
        """Open, write, close: lines are few, and nothing has to be closed when the app ends."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        file = _Rotated(path, maxBytes=self._file_bytes, backupCount=OLDER_FILES, encoding="utf-8", delay=True)
        file.setFormatter(self._formatter)
        try:
            file.emit(record)
        finally:
            file.close()


class _Rotated(RotatingFileHandler):
    """Raises what goes wrong, in place of printing it."""

    def handleError(self, record: logging.LogRecord) -> None:
        raise


class _Tap(logging.Handler):
    """Hands records on; those of one thread only, and none of the logger ``but``, when asked for."""

    def __init__(self, into: Callable[[logging.LogRecord], None], *, thread: int | None = None, but: str = "") -> None:
        super().__init__()
        self.into = into
        self._thread = thread
        self._but = but

    def emit(self, record: logging.LogRecord) -> None:
        """Called by logging in the thread that logs."""
        if (self._thread is None or record.thread == self._thread) and record.name != self._but:
            self.into(record)


def _last_lines(path: Path, lines: int) -> list[str]:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return [line.rstrip("\n") for line in deque(file, maxlen=lines)]
    except FileNotFoundError:
        return []
