"""Flapping: a service that is woken again and again soon after it was stopped waits longer before the next stop."""

from collections.abc import Sequence

HOUR_S = 3600.0
CAP = 8
#: A wake counts as soon after a stop within one idle time, at least this long.
SOON_S = 60.0


def flap_factor(
    flaps: Sequence[float], *, stopped_at: float | None, now: float, idle_after_s: float | None, limit: int
) -> tuple[list[float], int]:
    """Return the flaps of the last hour, with this wake when it is one, and the factor for ``idle_after``.

    Above ``limit`` an hour every further flap doubles the factor, up to 8. Times are monotonic.
    """
    recent = [at for at in flaps if now - at < HOUR_S]
    if stopped_at is not None and now - stopped_at <= max(SOON_S, idle_after_s or 0.0):
        recent.append(now)
    above = len(recent) - limit
    factor = 1 if above <= 0 else min(CAP, 2 ** min(above, 10))
    return recent[-100:], factor
