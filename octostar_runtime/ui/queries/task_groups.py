"""Groups of tasks: by name, by error, and over time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from octostar_runtime.models.groups import RunGroup, RunGroups
from octostar_runtime.query import Pattern
from octostar_runtime.ui import formats
from octostar_runtime.ui.links import Links
from octostar_runtime.ui.tables import Cell, Column, Table

#: Groupings: address word -> title of the tab
TABS: Mapping[str, str] = {"name": "By name", "error": "By error", "time": "Over time"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """How far back to look, in steps of how long. Seconds."""

    title: str
    back_s: float
    step_s: float


SPANS: Mapping[str, Span] = {
    "hour": Span(title="Last hour", back_s=3600.0, step_s=300.0),
    "": Span(title="Last day", back_s=86_400.0, step_s=3600.0),
    "week": Span(title="Last week", back_s=7 * 86_400.0, step_s=6 * 3600.0),
    "month": Span(title="Last month", back_s=30 * 86_400.0, step_s=86_400.0),
}


def extent(groups: RunGroups) -> str:
    """Return what the groups speak for."""
    number = formats.plural(groups.of, "task")
    return f"over {number}" if groups.exact else f"over the newest {number}"


def by_key(groups: RunGroups, by: str, links: Links) -> Table:
    """Return one row per group by "name" or "error"; its name leads to its runs."""
    label, href = ("Task" if by == "name" else "Error"), links.to("tasks", q=f"{by}:") + "{id}"
    kept = [group for group in groups.groups if group.key]
    return Table(
        label="Groups of tasks",
        columns=(Column(label=label, kind="link", href=href, main=True, wrap=True), *_FIGURES),
        rows=[[_search(group.key, by), group.key, *_figures(group)] for group in kept],
    )


def over_time(groups: RunGroups) -> Table:
    """Return one row per stretch of time, the newest first."""
    return Table(
        label="Tasks over time",
        columns=(Column(label="Queued from", kind="time", main=True), *_FIGURES),
        rows=[[str(group.at), group.at, *_figures(group)] for group in reversed(groups.groups)],
    )


def without_gaps(groups: Sequence[RunGroup], *, since: float, until: float, step_s: float) -> list[RunGroup]:
    """Return a group for each stretch from ``since`` to ``until``: an empty one where nothing was queued."""
    known = {round(group.at or 0.0): group for group in groups}
    steps = (since + number * step_s for number in range(round((until - since) / step_s)))
    return [known.get(round(at)) or RunGroup(at=at, count=0, failed=0, live=0, newest_at=at) for at in steps]


def _search(key: str, by: str) -> str:
    """Return what to search for behind the qualifier, so that exactly the group is found."""
    if by == "name":
        return str(Pattern((key,)))
    kind, _, message = key.partition(": ")
    return str(Pattern(tuple(part for part in (kind, *message.split("#")) if part)))


_FIGURES = (
    Column(label="Runs", end=True),
    Column(label="Live", end=True),
    Column(label="Failed", end=True),
    Column(label="Failure rate", kind="bar"),
    Column(label="Wait p50", end=True),
    Column(label="Wait p95", end=True),
    Column(label="Run p50", end=True),
    Column(label="Run p95", end=True),
)


def _figures(group: RunGroup) -> list[Cell]:
    return [
        formats.number(group.count),
        formats.number(group.live),
        formats.number(group.failed),
        None if group.failure_rate is None else round(group.failure_rate, 3),
        formats.duration(group.wait_p50_s),
        formats.duration(group.wait_p95_s),
        formats.duration(group.run_p50_s),
        formats.duration(group.run_p95_s),
    ]
