"""Many runs told as a few lines: groups that share something, and stretches of time."""

from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from octostar_runtime.api.auth import Reader
from octostar_runtime.api.context import Runtime, View
from octostar_runtime.api.routes.runs import Search
from octostar_runtime.models.groups import RunGroup
from octostar_runtime.query import parse

router = APIRouter(prefix="/api/runs", tags=["runs"])
DAY_S = 86_400.0
#: Pieces that a stretch of time is cut into at most; cut at whole steps it has one more.
MOST_PIECES = 199


class GroupFigures(BaseModel):
    """How the runs of a group fared. Percentiles in seconds, null while no run of the group got that far."""

    count: int
    failed: int = Field(description="ended as error, timed_out or lost")
    live: int = Field(description="have not ended yet")
    failure_rate: float | None = Field(description="failed ÷ ended, 0 to 1; null while none has ended")
    newest_at: float = Field(description="when the newest was queued, UTC seconds")
    wait_p50_s: float | None
    wait_p95_s: float | None
    run_p50_s: float | None
    run_p95_s: float | None


class NamedGroup(GroupFigures):
    """Runs that have something in common."""

    key: str = Field(description="what they have in common; empty: the runs that have none, e.g. no user")


class TimeBucket(GroupFigures):
    """Runs that were queued in one stretch of time."""

    at: float = Field(description="when the stretch begins, UTC seconds")


class Looked(BaseModel):
    """How many runs the figures speak for."""

    of: int = Field(description="runs that were looked at")
    exact: bool = Field(
        description="whether those are all that match; else the figures speak for the newest (of each stretch of time)"
    )
    taken_at: float = Field(description="the moment the answer shows, UTC seconds")


class Groups(Looked):
    """Groups, those with most failures first."""

    by: str
    groups: list[NamedGroup]


class Buckets(Looked):
    """Stretches of time in which runs were queued, the oldest first; those without runs are left out."""

    since: float
    until: float
    step_s: float = Field(description="how long a stretch is; longer than asked for when there would be too many")
    buckets: list[TimeBucket]


By = Annotated[Literal["name", "error", "user", "pool", "state"], Query(description="what groups have in common")]


@router.get("/groups", summary="Group runs")
def group_runs(
    runtime: Runtime,
    view: View,
    caller: Reader,
    q: Search = "",
    by: By = "name",
    limit: Annotated[int, Query(ge=1, le=500, description="groups")] = 50,
) -> Groups:
    """Count the runs that a search finds by what they share: how many, how many failed, how long they took.

    By error only failed runs count, and errors that differ in numbers alone are one group.
    """
    parse(q)
    view.check_search(q, caller)
    view.check_grouping(by, caller)
    found = runtime.store.runs.groups(q, by=by, limit=limit)
    groups: Iterable[RunGroup] = found.groups
    if by == "user":
        groups = (replace(group, key=view.person(group.key, caller) or "" if group.key else "") for group in groups)
    return Groups(
        by=by,
        groups=[NamedGroup(**_figures(group), key=group.key) for group in groups],
        of=found.of,
        exact=found.exact,
        taken_at=runtime.clock.time(),
    )


@router.get("/buckets", summary="Runs over time")
def bucket_runs(
    runtime: Runtime,
    view: View,
    caller: Reader,
    q: Search = "",
    until: Annotated[float | None, Query(ge=0, le=1e11, description="UTC seconds; now, when left out")] = None,
    back: Annotated[float, Query(ge=1, le=3660 * DAY_S, description="seconds before that to look at")] = DAY_S,
    step: Annotated[
        float | None,
        Query(gt=0, le=3660 * DAY_S, description="seconds of a stretch; a 24th of the time, when left out"),
    ] = None,
) -> Buckets:
    """Count the runs that a search finds by when they were queued, in stretches that begin at whole steps."""
    parse(q)
    view.check_search(q, caller)
    now = runtime.clock.time()
    last = now if until is None else until
    first = last - back
    step_s = max(step or back / 24, back / MOST_PIECES)
    found = runtime.store.runs.buckets(q, since=first, until=last, step_s=step_s)
    return Buckets(
        since=first,
        until=last,
        step_s=step_s,
        buckets=[TimeBucket(**_figures(group), at=group.at or 0.0) for group in found.groups],
        of=found.of,
        exact=found.exact,
        taken_at=now,
    )


def _figures(group: RunGroup) -> dict[str, float | None]:
    figures = asdict(group) | {"failure_rate": group.failure_rate}
    return {name: figures[name] for name in GroupFigures.model_fields}
