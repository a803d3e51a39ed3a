"""How busy workers are and how long runs wait, exactly and at next to no cost per run.

A worker's busy seconds are integrated: each ended run adds its length, and about once a second the running total is
noted, so that the share of any window is a difference of two totals. Calls are made under the manager's lock, and are
quick; what takes longer (:func:`waits`, :func:`run_times`) works on what they returned. Times are monotonic seconds.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence

from octostar_runtime.models.pools import Spread

WINDOW_S = 900.0
_NOTE_EVERY_S = 1.0
_SPANS = 64
_SHORT_S = 0.01  # runs below this share a span ...
_GAP_S = 0.05  # ... when no more than this lies between them
_SLOT_S = 15.0
_SLOT_SAMPLES = 64
_NOTES_SPARE = 300  # notes older than the window that may wait until they are dropped together


class BusyMeter:
    """Busy seconds of one worker, and its newest stretches of work as (run id, name, start, end)."""

    __slots__ = ("_burst", "_busy", "_last_end", "_when", "born", "busy_s", "runs", "spans")

    def __init__(self, now: float) -> None:
        self.born = now
        self.busy_s = 0.0
        self.runs = 0
        self.spans: deque[tuple[str, str, float, float]] = deque(maxlen=_SPANS)
        self._burst: list[float] | None = None  # start, end, runs
        self._last_end = now
        # notes: at ``_when[i]`` the worker had been busy for ``_busy[i]`` seconds
        self._when = [now]
        self._busy = [0.0]

    def record(self, run_id: str, name: str, started: float, ended: float) -> None:
        """Add one run."""
        length = ended - started
        self.runs += 1
        if ended - self._when[-1] >= _NOTE_EVERY_S:
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
        self.spans.append((run_id, name, started, ended))

    def stretches(self) -> list[tuple[str, str, float, float]]:
        """Return the newest stretches of work, oldest first, the burst under way included."""
        burst = self._burst
        return [*self.spans, *([_burst_span(burst)] if burst is not None else [])]

    def busy_between(self, begin: float, now: float, running_since: float | None) -> float:
        """Return the busy seconds in (begin, now]; a run under way counts from ``running_since``."""
        total = self.busy_s + (now - running_since if running_since is not None else 0.0)
        return max(0.0, total - self._busy_until(begin, now, total, running_since))

    def _busy_until(self, at: float, now: float, total: float, running_since: float | None) -> float:
        """Return the busy seconds up to ``at``: read off the straight line between the notes around it."""
        place = bisect_left(self._when, at)
        if place < len(self._when):
            if not place:
                return self._busy[0]
            return _on_line(at, self._when[place - 1], self._busy[place - 1], self._when[place], self._busy[place])
        before, busy = self._when[-1], self._busy[-1]
        corners = [(self._last_end, self.busy_s), (now, total)]
        if running_since is not None:
            corners.insert(1, (running_since, self.busy_s))
        for when, seconds in corners:
            if when >= at:
                return _on_line(at, before, busy, when, seconds)
            before, busy = when, seconds
        return total

    def _note(self, started: float, ended: float, length: float) -> None:
        when, busy = self._when, self._busy
        for corner in (self._last_end, started):
            if corner > when[-1]:
                when.append(corner)
                busy.append(self.busy_s)
        when.append(ended)
        busy.append(self.busy_s + length)
        old = bisect_left(when, ended - WINDOW_S) - 1  # the last note before the window is still read
        if old > _NOTES_SPARE:
            del when[:old], busy[:old]

    def _end_burst(self) -> None:
        if self._burst is not None:
            self.spans.append(_burst_span(self._burst))
            self._burst = None


class SpreadMeter:
    """Percentiles of waits and run times over the last 15 minutes, from a bounded even sample of each 15 s."""

    __slots__ = ("_keep_every", "_max_run", "_max_wait", "_samples", "_seen", "_slots", "_until")

    def __init__(self) -> None:
        self._slots: deque[Slot] = deque(maxlen=int(WINDOW_S / _SLOT_S))
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

    def slots(self, now: float) -> "tuple[Slot, ...]":
        """Return what was seen in the window. Quick; the percentiles of it need no lock."""
        return tuple(slot for slot in (*self._slots, self._slot()) if slot.until > now - WINDOW_S and slot.seen)

    def _turn(self, now: float) -> None:
        if self._seen:
            self._slots.append(self._slot())
        self._until = now + _SLOT_S
        self._samples = []
        self._seen = 0
        self._keep_every = 1
        self._max_wait = self._max_run = 0.0

    def _slot(self) -> "Slot":
        return Slot(self._until, self._seen, tuple(self._samples), (self._max_wait, self._max_run))


class Slot:
    """The runs that ended within 15 s: how many, a sample of them, the longest."""

    __slots__ = ("longest", "samples", "seen", "until")

    def __init__(
        self, until: float, seen: int, samples: tuple[tuple[float, float], ...], longest: tuple[float, float]
    ) -> None:
        self.until = until
        self.seen = seen
        self.samples = samples
        self.longest = longest


def waits(slots: Sequence[Slot]) -> Spread:
    """Return the spread of the waits in the queue."""
    return _spread(slots, 0)


def run_times(slots: Sequence[Slot]) -> Spread:
    """Return the spread of the run times."""
    return _spread(slots, 1)


def _spread(slots: Sequence[Slot], which: int) -> Spread:
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


def _on_line(at: float, before: float, low: float, after: float, high: float) -> float:
    """Return the value at ``at`` of the straight line from (before, low) to (after, high)."""
    return high if after <= before else low + (high - low) * (at - before) / (after - before)


def _burst_span(burst: list[float]) -> tuple[str, str, float, float]:
    started, ended, runs = burst
    count = int(runs)
    return "", f"{count} short run{'s' if count > 1 else ''}", started, ended
