"""A caller may ask in bursts, but not for long."""

import pytest

from octostar_runtime.api.rate import CALLERS, RateLimit
from octostar_runtime.errors import RateExceeded
from octostar_runtime.testing import ManualClock


def test_a_burst_is_allowed_and_the_rate_after_it() -> None:
    clock = ManualClock()
    limit = RateLimit(clock, rate=2, burst=3)
    for _ in range(3):
        limit.take("a")
    with pytest.raises(RateExceeded) as refused:
        limit.take("a")
    assert refused.value.retry_after_s == pytest.approx(0.5)
    limit.take("b")
    clock.advance(0.5)
    limit.take("a")
    with pytest.raises(RateExceeded):
        limit.take("a")


def test_callers_are_remembered_in_a_bounded_number() -> None:
    limit = RateLimit(ManualClock(), rate=1, burst=1)
    for number in range(CALLERS + 10):
        limit.take(str(number))
    assert len(limit._buckets) == CALLERS
