"""Ages on the monotonic clock of things that carry only wall-clock stamps.

A stamp is compared only with the same thing's earlier stamp: a change means news. How long ago the news came is
counted on the monotonic clock, so that a stepped wall clock changes nothing.
"""

from collections.abc import Iterable, Iterator

from octostar_runtime.idle.observation import Observation
from octostar_runtime.models.runs import EXECUTING
from octostar_runtime.models.sessions import SessionState


class LastNews:
    """Per id: the last stamp seen and since when (monotonic) it has not changed."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[object, float]] = {}

    def older_than(self, limit_s: float, now: float, items: Iterable[tuple[str, object, float]]) -> frozenset[str]:
        """Return the ids whose stamp has not changed for ``limit_s``. Items are (id, stamp, age when first seen)."""
        current: dict[str, tuple[object, float]] = {}
        for ident, stamp, first_age in items:
            known = self._seen.get(ident)
            if known is None:
                known = (stamp, now - max(0.0, first_age))
            elif known[0] != stamp:
                known = (stamp, now)
            current[ident] = known
        self._seen = current  # only what is alive is remembered
        return frozenset(ident for ident, (_, at) in current.items() if now - at >= limit_s)

    def forget(self) -> None:
        """Drop everything, when the rule is switched off."""
        self._seen = {}


def untouched_tabs(observation: Observation, utc: float) -> Iterator[tuple[str, object, float]]:
    """Connected tabs with the time of their last interaction as stamp."""
    for session in observation.sessions:
        if session.state == SessionState.CONNECTED:
            touched = session.last_interaction_at
            start = session.connected_at if touched is None else touched
            yield session.session_id, touched, utc - start


def silent_runs(observation: Observation, utc: float) -> Iterator[tuple[str, object, float]]:
    """Runs at work with their change counter as stamp: any transition, progress or output is news."""
    for run in observation.live_runs:
        if run.state in EXECUTING:
            yield run.run_id, run.seq, 0.0
