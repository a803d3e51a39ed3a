"""What a task logs with plain ``logging``, and the warnings it raises, kept with its run.

Installed with the first run, not on import. It adds no handler and changes no level, so an app's own logging
configuration works as if we were not there: lines are read where ``logging`` makes its records, and only those of a
running task are kept. A line below the level the app has set is never made; ``handle.log`` has no such limit.
"""

import logging
import threading
import time
import warnings
from collections import deque
from typing import Any

from octostar_runtime.models.runs import LogLine
from octostar_runtime.tasks.run import Run, current_run

LINES = 200
_LINE_CHARS = 2_000
_LINE_BYTES = 250  # of a line apart from its text
_lock = threading.Lock()


def ensure_installed() -> None:
    """Install the two taps unless they are there; something else may have replaced them meanwhile."""
    if warnings.showwarning.__class__ is _WarningTap and logging.getLogRecordFactory().__class__ is _RecordTap:
        return
    _install()


class LogBuffer:
    """The newest lines of a run. Only atomic steps and no lock: a line may come out of a garbage collection."""

    __slots__ = ("count", "lines")

    def __init__(self) -> None:
        self.lines: deque[LogLine] = deque(maxlen=LINES)
        self.count = 0

    @property
    def dropped(self) -> int:
        """How many older lines had to go."""
        return max(0, self.count - len(self.lines))

    @property
    def size(self) -> int:
        """About how many bytes the lines take."""
        return sum(_LINE_BYTES + len(line.text) for line in self.lines.copy())


def keep_line(run: "Run", *, at: float, level: str, logger: str, text: str) -> None:
    """Add a line to a run, dropping its oldest beyond the limit."""
    buffer = run.logs
    if buffer is None:
        buffer = run.logs = LogBuffer()
    buffer.lines.append(LogLine(at=at, level=level, logger=logger, text=text[:_LINE_CHARS]))
    buffer.count += 1
    run.pool.changed(run)


def _install() -> None:
    with _lock:
        factory = logging.getLogRecordFactory()
        if not isinstance(factory, _RecordTap):
            logging.setLogRecordFactory(_RecordTap(factory))
        if not isinstance(warnings.showwarning, _WarningTap):
            warnings.showwarning = _WarningTap(warnings.showwarning)


class _RecordTap:
    """Makes log records as the factory before it did, and keeps those of a running task."""

    def __init__(self, factory: Any) -> None:
        self._factory = factory

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._factory(*args, **kwargs)
        run = current_run.get()
        if run is not None and not run.state.terminal:
            keep_line(run, at=record.created, level=record.levelname, logger=record.name, text=_text(record))
        return record


class _WarningTap:
    """Shows warnings as before, and keeps those of a running task."""

    def __init__(self, show: Any) -> None:
        self._show = show

    def __call__(
        self, message: Any, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None
    ) -> None:
        run = current_run.get()
        if run is not None and not run.state.terminal:
            text = f"{category.__name__}: {message} ({filename}:{lineno})"
            keep_line(run, at=time.time(), level="WARNING", logger="py.warnings", text=text)
        self._show(message, category, filename, lineno, file, line)


def _text(record: logging.LogRecord) -> str:
    try:
        text = record.getMessage()
    except Exception:  # noqa: BLE001 - arguments that do not fit the format; logging itself reports that later
        text = str(record.msg)
    if record.exc_info and record.exc_info[0] is not None:
        text += "\n" + logging.Formatter().formatException(record.exc_info)
    return text


class TaskLog(logging.LoggerAdapter[logging.Logger]):
    """``handle.log``: keeps every line with the run, whatever its level, and hands it to ``logging`` as well."""

    def __init__(self, run: Run) -> None:
        super().__init__(logging.getLogger("octostar_runtime.task"), {})
        self._run = run

    def __call__(self, message: str, *args: object) -> None:
        """Log at INFO."""
        self.info(message, *args)

    def isEnabledFor(self, level: int) -> bool:
        return True

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Keep the line; what the app's configuration lets through goes to its handlers too."""
        if self.logger.isEnabledFor(level):
            kwargs.setdefault("stacklevel", 3)
            self.logger.log(level, msg, *args, **kwargs)
            return
        try:
            text = str(msg) % args if args else str(msg)
        except (TypeError, ValueError):
            text = f"{msg} {args}"
        keep_line(
            self._run, at=time.time(), level=logging.getLevelName(level), logger="octostar_runtime.task", text=text
        )
