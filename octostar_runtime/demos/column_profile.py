"""What is known of one CSV column, gathered chunk by chunk in constant memory."""

import math
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # pandas is heavy; the API server must start without it
    import pandas as pd

from octostar_runtime.demos.histogram import Histogram

DISTINCT_LIMIT = 1_000
TOP = 24
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """One column so far.

    ``kind`` is "number", "date", "text" or "empty". ``distinct`` stops counting at :data:`DISTINCT_LIMIT`, then
    ``distinct_capped`` is true. ``top`` are the commonest values. ``bins`` counts numbers between neighbours of
    ``bin_edges``, of which there is one more.
    """

    name: str
    kind: str
    filled: int
    missing: int
    distinct: int = 0
    distinct_capped: bool = False
    minimum: float | str | None = None
    maximum: float | str | None = None
    mean: float | None = None
    deviation: float | None = None
    top: tuple[tuple[str, int], ...] = ()
    bins: tuple[int, ...] = ()
    bin_edges: tuple[float, ...] = ()


class ColumnGatherer:
    """Adds up chunks of one column. Belongs to one thread."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._filled = self._missing = 0
        self._all_numbers = self._all_dates = True
        self._count, self._mean, self._squares = 0, 0.0, 0.0
        self._low, self._high = math.inf, -math.inf
        self._first: str | None = None
        self._last: str | None = None
        self._values: Counter[str] = Counter()
        self._capped = False
        self._bins = Histogram()

    def add(self, chunk: "pd.Series[Any]") -> None:
        """Take in the next chunk."""
        values = chunk.dropna()
        self._missing += len(chunk) - len(values)
        if values.empty:
            return
        self._filled += len(values)
        if values.dtype.kind in "iuf":
            self._all_dates = False
            self._add_numbers(values.astype("float64"))
        else:
            self._all_numbers = False
            self._add_words(values.astype(str))
        self._count_values(values)

    def profile(self) -> ColumnProfile:
        """Return what is known so far."""
        profile = ColumnProfile(
            name=self.name,
            kind="text",
            filled=self._filled,
            missing=self._missing,
            distinct=len(self._values),
            distinct_capped=self._capped,
            top=tuple(self._values.most_common(TOP)),
        )
        if not self._filled:
            return replace(profile, kind="empty")
        if self._all_numbers:
            return self._numbers(profile)
        if self._all_dates:
            return replace(profile, kind="date", minimum=self._first, maximum=self._last)
        return profile

    def _numbers(self, profile: ColumnProfile) -> ColumnProfile:
        if not self._count:  # nothing but infinities
            return replace(profile, kind="number")
        return replace(
            profile,
            kind="number",
            minimum=self._low,
            maximum=self._high,
            mean=self._mean,
            deviation=math.sqrt(self._squares / self._count),
            bins=self._bins.counts,
            bin_edges=self._bins.edges,
        )

    def _add_numbers(self, values: "pd.Series[float]") -> None:
        import numpy as np

        finite = values.to_numpy()[np.isfinite(values.to_numpy())]
        if not finite.size:
            return
        count, mean = int(finite.size), float(finite.mean())
        squares = float(((finite - mean) ** 2).sum())
        # Chan's way of joining two sets of moments: stable, one pass, no values kept
        joined = self._count + count
        shift = mean - self._mean
        self._squares += squares + shift * shift * self._count * count / joined
        self._mean += shift * count / joined
        self._count = joined
        self._low, self._high = min(self._low, float(finite.min())), max(self._high, float(finite.max()))
        self._bins.add(finite)

    def _add_words(self, values: "pd.Series[str]") -> None:
        if not self._all_dates or not values.str.fullmatch(_ISO_DATE.pattern).all():
            self._all_dates = False
            return
        low, high = str(values.min()), str(values.max())  # ISO dates sort as text
        self._first = low if self._first is None else min(self._first, low)
        self._last = high if self._last is None else max(self._last, high)

    def _count_values(self, values: "pd.Series[Any]") -> None:
        for value, count in values.value_counts().items():
            word = _word(value)
            if word in self._values or len(self._values) < DISTINCT_LIMIT:
                self._values[word] += int(count)
            else:
                self._capped = True


def _word(value: object) -> str:
    # a gap in one chunk turns that chunk's whole numbers into floats: 3 and 3.0 are the same value
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
