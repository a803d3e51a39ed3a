"""The machine's last 24 hours in stretches of five minutes, kept in a small file so that a restart loses none of it.

All processes of one state directory add to the same file: while the pages are stopped the API goes on, and pages that
wake show the whole day. One thread adds; any thread reads.
"""

import json
import logging
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from octostar_runtime.models.fleet import HostSample

logger = logging.getLogger(__name__)

STEP_S = 300.0
KEPT = 288
#: Lines after which the file is written anew: several processes each add their own.
LINES = 4 * KEPT
_NAMES = frozenset(field.name for field in fields(HostSample))


class Day:
    """One sample per stretch, the newest :data:`KEPT`. Without a ``file`` that can be written memory has to do."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._kept: deque[HostSample] = deque(maxlen=KEPT)
        self._open: list[HostSample] = []
        self._lines = 0
        self._restore()

    def samples(self) -> tuple[HostSample, ...]:
        """Return what is known of the last 24 hours, the oldest first."""
        with self._lock:
            return tuple(self._kept)

    def add(self, sample: HostSample) -> None:
        """Take a reading in; when it begins a new stretch, the one before is kept."""
        finished = self._open if self._open and _step(self._open[0]) != _step(sample) else None
        if finished is None:
            self._open.append(sample)
            return
        self._open = [sample]
        stretch = folded(finished)
        with self._lock:
            self._kept.append(stretch)
            while self._kept and self._kept[0].at < stretch.at - KEPT * STEP_S:
                self._kept.popleft()
        self._write(stretch)

    def _restore(self) -> None:
        try:
            lines = self._file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return
        self._lines = len(lines)
        found: dict[float, HostSample] = {}
        for sample in _read(lines[-LINES:]):
            found.setdefault(_step(sample), sample)  # of several processes the first to say it
        self._kept.extend(found[step] for step in sorted(found)[-KEPT:])

    def _write(self, stretch: HostSample) -> None:
        try:
            if self._lines >= LINES:
                fresh = self._file.with_name(f"{self._file.name}.new")
                fresh.write_text("".join(map(_line, self.samples())), encoding="utf-8")
                fresh.replace(self._file)
                self._lines = len(self._kept)
                return
            with self._file.open("a", encoding="utf-8") as file:
                file.write(_line(stretch))
            self._lines += 1
        except OSError as error:
            logger.debug("the machine's day is kept in memory only: %s", error)


def folded(samples: Sequence[HostSample]) -> HostSample:
    """Return one sample for all: load on average, people and tasks at their most, memory as it was last."""
    last, count = samples[-1], len(samples)
    return HostSample(
        at=_step(samples[0]) * STEP_S,
        scope=last.scope,
        cpu_percent=round(sum(sample.cpu_percent for sample in samples) / count, 1),
        memory_used=last.memory_used,
        memory_limit=last.memory_limit,
        process_cpu_percent=round(sum(sample.process_cpu_percent for sample in samples) / count, 1),
        process_memory=last.process_memory,
        people=max(sample.people for sample in samples),
        running=max(sample.running for sample in samples),
        queued=max(sample.queued for sample in samples),
        busy_share=round(sum(sample.busy_share for sample in samples) / count, 3),
    )


def _step(sample: HostSample) -> float:
    return sample.at // STEP_S


def _line(sample: HostSample) -> str:
    return json.dumps(asdict(sample)) + "\n"


def _read(lines: Iterable[str]) -> Iterable[HostSample]:
    """Yield what can be read; a line cut off by a crash, or of another version, is left out."""
    for line in lines:
        try:
            found = json.loads(line)
            yield HostSample(**{name: value for name, value in found.items() if name in _NAMES})
        except (ValueError, TypeError, AttributeError):
            continue
