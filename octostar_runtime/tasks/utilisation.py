"""How busy workers are and how long runs wait, exactly and at next to no cost per run.

A worker's busy seconds are integrated: each ended run adds its length, and about once a second the running total is
noted, so that the share of any window is a difference of two totals. All calls are made under the manager's lock;
times are monotonic seconds.
"""

from collections import deque

from octostar_runtime.models.pools import Spread
from octostar_runtime.tasks.run import Run

WINDOW_S = 900.0
_NOTE_EVERY_S = 1.0
_SPANS = 64
_SHORT_S = 0.01  # runs below this share a span ...
_GAP_S = 0.05  # ... when no more than this lies between them
_SLOT_S = 15.0
_SLOT_SAMPLES = 256


class BusyMeter:
    """Busy seconds of one worker, and its newest stretches of work as (run id, name, start, end)."""

    __slots__ = ("_burst", "_last_end", "_notes", "born", "busy_s", "runs", "spans")

    def __init__(self, now: float) -> None:
        self.born = now
        self.busy_s = 0.0
        self.runs = 0
        self.spans: deque[tuple[str, str, float, float]] = deque(maxlen=_SPANS)
        self._burst: list[float] | None = None  # start, end, runs
        self._last_end = now
        self._notes: deque[tuple[float, float]] = deque(((now, 0.0),))  # (when, busy seconds until then)

    def record(self, run: Run, started: float, ended: float) -> None:
        """Add one run."""
        length = ended - started
        self.runs += 1
        if ended - self._notes[-1][0] >= _NOTE_EVERY_S:
            self._note(started, ended, length)
        self.busy_s += length
        self._last_end = ended
        burst = self._burst
        if length < _SHORT_S:
            if burst is not None and started - burst[1] < _GAP_S:
                burst[1] = ended
                burst[2] += 1
                return
            self._end_burst()
            self._burst = [started, ended, 1]
            return
        self._end_burst()
        self.spans.append((run.run_id, run.name, started, ended))

    def stretches(self) -> list[tuple[str, str, float, float]]:
        """Return the newest stretches of work, oldest first, the burst under way included."""
        burst = self._burst
        return [*self.spans, *([_burst_span(burst)] if burst is not None else [])]

    def busy_between(self, begin: float, now: float, running_since: float | None) -> float:
        """Return the busy seconds in (begin, now]; a run under way counts from ``running_since``."""
        total = self.busy_s + (now - running_since if running_since is not None else 0.0)
        return max(0.0, total - self._busy_until(begin, now, total, running_since))

    def share(self, window_s: float, now: float, running_since: float | None) -> float:
        """Return the busy share of the last ``window_s`` seconds, or of its life when that is shorter."""
        begin = max(self.born, now - window_s)
        if now <= begin:
            return 0.0
        return min(1.0, self.busy_between(begin, now, running_since) / (now - begin))

    def _busy_until(self, at: float, now: float, total: float, running_since: float | None) -> float:
        """Return the busy seconds up to ``at``: read off the straight line between the notes around it."""
        before = self._notes[0]
        later = [*self._notes, (self._last_end, self.busy_s)]
        if running_since is not None:
            later.append((running_since, self.busy_s))
        later.append((now, total))
        for note in later:
            if note[0] >= at:
                span = note[0] - before[0]
                return note[1] if span <= 0 else before[1] + (note[1] - before[1]) * (at - before[0]) / span
            before = note
        return total

    def _note(self, started: float, ended: float, length: float) -> None:
        notes = self._notes
        for corner in (self._last_end, started):
            if corner > notes[-1][0]:
                notes.append((corner, self.busy_s))
        notes.append((ended, self.busy_s + length))
        while len(notes) > 2 and notes[1][0] < ended - WINDOW_S:
            notes.popleft()

    def _end_burst(self) -> None:
        if self._burst is not None:
            self.spans.append(_burst_span(self._burst))
            self._burst = None


class SpreadMeter:
    """Percentiles of waits and run times over the last 15 minutes, from a bounded even sample of each 15 s."""

    __slots__ = ("_keep_every", "_max_run", "_max_wait", "_samples", "_seen", "_slots", "_until")

    def __init__(self) -> None:
        self._slots: deque[_Slot] = deque(maxlen=int(WINDOW_S / _SLOT_S))
        self._until = float("-inf")
        self._samples: list[tuple[float, float]] = []
        self._seen = 0
        self._keep_every = 1
        self._max_wait = self._max_run = 0.0

    def record(self, wait_s: float, run_s: float, now: float) -> None:
        """Add one ended run."""
        if now >= self._until:
            self._turn(now)
        seen = self._seen
        self._seen = seen + 1
        if wait_s > self._max_wait:
            self._max_wait = wait_s
        if run_s > self._max_run:
            self._max_run = run_s
        if seen % self._keep_every:
            return
        samples = self._samples
        samples.append((wait_s, run_s))
        if len(samples) >= _SLOT_SAMPLES:
            del samples[1::2]
            self._keep_every *= 2

    def spreads(self, now: float) -> tuple[Spread, Spread]:
        """Return the spreads of waits and of run times."""
        slots = [slot for slot in (*self._slots, self._slot()) if slot.until > now - WINDOW_S and slot.seen]
        return _spread(slots, 0), _spread(slots, 1)

    def _turn(self, now: float) -> None:
        if self._seen:
            self._slots.append(self._slot())
        self._until = now + _SLOT_S
        self._samples = []
        self._seen = 0
        self._keep_every = 1
        self._max_wait = self._max_run = 0.0

    def _slot(self) -> "_Slot":
        return _Slot(self._until, self._seen, tuple(self._samples), (self._max_wait, self._max_run))


class _Slot:
    """The runs that ended within 15 s: how many, a sample of them, the longest."""

    __slots__ = ("longest", "samples", "seen", "until")

    def __init__(
        self, until: float, seen: int, samples: tuple[tuple[float, float], ...], longest: tuple[float, float]
    ) -> None:
        self.until = until
        self.seen = seen
        self.samples = samples
        self.longest = longest


def _spread(slots: list[_Slot], which: int) -> Spread:
    """Merge slots; each sample stands for as many runs as its slot saw per sample."""
    weighted = sorted((sample[which], slot.seen / len(slot.samples)) for slot in slots for sample in slot.samples)
    if not weighted:
        return Spread()
    total = sum(weight for _, weight in weighted)
    return Spread(
        count=sum(slot.seen for slot in slots),
        p50_s=_at_share(weighted, 0.50 * total),
        p95_s=_at_share(weighted, 0.95 * total),
        max_s=max(slot.longest[which] for slot in slots),
    )


def _at_share(weighted: list[tuple[float, float]], target: float) -> float:
    passed = 0.0
    for value, weight in weighted:
        passed += weight
        if passed >= target - 1e-9:
            return value
    return weighted[-1][0]


def _burst_span(burst: list[float]) -> tuple[str, str, float, float]:
    started, ended, runs = burst
    count = int(runs)
    return "", f"{count} short run{'s' if count > 1 else ''}", started, ended
