"""A histogram over numbers whose range is not known beforehand."""

from typing import Any

BINS = 24


class Histogram:
    """Counts numbers in :data:`BINS` equal bins. A number outside doubles the range; neighbouring bins then join."""

    def __init__(self) -> None:
        self._low = 0.0
        self._width = 0.0
        self._counts = [0] * BINS

    @property
    def counts(self) -> tuple[int, ...]:
        """Numbers per bin."""
        return tuple(self._counts)

    @property
    def edges(self) -> tuple[float, ...]:
        """Where bins begin and end: one more than there are bins."""
        return tuple(self._low + self._width * index for index in range(BINS + 1))

    def add(self, values: Any) -> None:
        """Count a NumPy array of finite numbers."""
        import numpy as np

        low, high = float(values.min()), float(values.max())
        if not self._width:
            self._low, self._width = low, (high - low) / BINS or 1.0
        while high > self._low + self._width * BINS:
            self._counts = self._joined() + [0] * (BINS // 2)
            self._width *= 2
        while low < self._low:
            self._low -= self._width * BINS
            self._counts = [0] * (BINS // 2) + self._joined()
            self._width *= 2
        counts, _ = np.histogram(values, bins=BINS, range=(self._low, self._low + self._width * BINS))
        self._counts = [before + int(now) for before, now in zip(self._counts, counts, strict=True)]

    def _joined(self) -> list[int]:
        return [self._counts[index] + self._counts[index + 1] for index in range(0, BINS, 2)]
