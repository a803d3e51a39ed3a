"""Many runs told as a few lines: groups that share something, and stretches of time."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RunGroup:
    """Runs that have ``key`` in common, or that were queued in the stretch which begins at ``at`` (UTC seconds).

    Percentiles in seconds, None while no run of the group got that far.
    """

    key: str = ""
    at: float | None = None
    count: int
    failed: int
    live: int
    newest_at: float
    wait_p50_s: float | None = None
    wait_p95_s: float | None = None
    run_p50_s: float | None = None
    run_p95_s: float | None = None

    @property
    def failure_rate(self) -> float | None:
        """Failed ÷ ended, 0..1; None while none has ended."""
        ended = self.count - self.live
        return self.failed / ended if ended else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunGroups:
    """Groups, those with most failures first (stretches of time: the oldest first).

    ``of`` runs were looked at. ``exact`` says that those are all there are; otherwise groups speak for the newest
    runs, and stretches of time for the newest of each stretch.
    """

    groups: tuple[RunGroup, ...]
    of: int
    exact: bool = True
