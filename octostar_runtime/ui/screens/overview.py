"""Overview: what is going on, and what needs a look now."""

from collections.abc import Sequence

import streamlit as st

from octostar_runtime.errors import OctostarRuntimeError
from octostar_runtime.models.access import Role
from octostar_runtime.models.fleet import HostSample
from octostar_runtime.models.groups import RunGroup
from octostar_runtime.ui import actions, frame
from octostar_runtime.ui.components import blocks, charts
from octostar_runtime.ui.components.markup import link, pill, text
from octostar_runtime.ui.console import Console
from octostar_runtime.ui.queries import history, overview, task_groups

#: Seconds between refreshes of the curves: the short ones have a point every 15 s, the day's every 5 minutes.
CURVES_S, DAY_S = 15.0, 60.0
#: How far the curves go back: address word -> title
SPANS = {"": "15 minutes", "day": "24 hours"}


def draw(console: Console) -> None:
    """Draw the page."""
    frame.page(
        console,
        frame.Screen(title="Overview", subtitle="Everything at a glance", body=lambda: _body(console)),
    )
    if console.principal.role >= Role.VIEWER:
        _curves(console)


def _body(console: Console) -> None:
    snapshot, links = console.snapshot, console.links
    blocks.tiles([_tile(figure) for figure in overview.figures(snapshot, links)])
    blocks.flush()  # tiles change often, what follows does not
    concerns = overview.concerns(snapshot, links)
    blocks.heading("Needs attention", f"{len(concerns)}" if concerns else "")
    if concerns:
        blocks.lines(
            [
                blocks.Line(mark=pill(one.word), body=f"{link(one.what, one.href)} · {text(one.why)}", at=one.at)
                for one in concerns
            ]
        )
    else:
        blocks.empty("All is well", "Stuck tasks, silent nodes and failing services would be listed here.")
    blocks.heading("Recent events", "")
    try:
        events = history.lines(console.source.find_events(limit=8), console.links, console.eyes)
    except OctostarRuntimeError as error:
        blocks.note(str(error), "warn")
        return
    if events:
        blocks.lines(events)
    else:
        blocks.empty("Nothing has happened yet", "Sessions, tasks and what operators do will show up here.")


def _tile(figure: overview.Figure) -> blocks.Tile:
    return blocks.Tile(
        label=figure.label,
        value=figure.value,
        note=figure.note,
        href=figure.href,
        tone=figure.tone,
        share=figure.share,
    )


def _curves(console: Console) -> None:
    """Charts, each a fragment of its own that refreshes when there may be a new point."""
    day = st.query_params.get("span") == "day"
    blocks.tabs(
        [
            blocks.Tab(label=title, href=console.links.to("overview", span=span), current=(span == "day") is day)
            for span, title in SPANS.items()
        ]
    )
    chosen = frame.choices().refresh_s
    every = None if chosen is None or actions.pending() else max(chosen, DAY_S if day else CURVES_S)
    left, right = st.columns(2)
    with left:
        blocks.heading("People and tasks", f"the last {SPANS['day' if day else '']}")
        st.fragment(_work, run_every=every)(console, day)
        if day:
            blocks.heading("Tasks that ended", "by when they were queued")
            st.fragment(_ended, run_every=every)(console)
    with right:
        blocks.heading("CPU, memory and pool use", f"the last {SPANS['day' if day else '']}")
        st.fragment(_host, run_every=every)(console, day)
        if day:
            blocks.heading("Time in the queue", "by when they were queued")
            st.fragment(_waits, run_every=every)(console)


def _samples(console: Console, *, day: bool) -> list[HostSample]:
    snapshot = console.snapshot
    samples = overview.whole_day(snapshot) if day else overview.bucketed(snapshot.host_history)
    if len(samples) < 2:
        soon = "The curve gets a point every five minutes." if day else "The curve appears within half a minute."
        blocks.empty("Not enough readings yet", soon)
        return []
    return samples


def _work(console: Console, day: bool) -> None:
    if samples := _samples(console, day=day):
        charts.timechart(
            [
                _series("People", charts.VIOLET, [(s.at, s.people) for s in samples]),
                _series("Running", charts.BLUE, [(s.at, s.running) for s in samples], area=True),
                _series("Queued", charts.AMBER, [(s.at, s.queued) for s in samples]),
            ],
            key="oc_chart_work",
        )


def _host(console: Console, day: bool) -> None:
    if samples := _samples(console, day=day):
        memory = [(s.at, 100 * s.memory_used / s.memory_limit if s.memory_limit else 0.0) for s in samples]
        charts.timechart(
            [
                _series("CPU", charts.GREEN, [(s.at, s.cpu_percent) for s in samples], area=True),
                _series("Memory", charts.AMBER, memory),
                _series("Pool", charts.BLUE, [(s.at, s.busy_share * 100) for s in samples]),
            ],
            key="oc_chart_host",
            unit="%.0f %%",
            top=100,
        )


def _ended(console: Console) -> None:
    if groups := _day_of_tasks(console):
        done = [(group.at or 0.0, group.count - group.live - group.failed) for group in groups]
        failed = [(group.at or 0.0, group.failed) for group in groups]
        series = [_series("Done", charts.GREEN, done, area=True), _series("Failed", charts.RED, failed)]
        charts.timechart(series, key="oc_chart_ended")


def _waits(console: Console) -> None:
    if groups := _day_of_tasks(console):
        middle = [(group.at or 0.0, group.wait_p50_s or 0.0) for group in groups]
        high = [(group.at or 0.0, group.wait_p95_s or 0.0) for group in groups]
        series = [_series("Half waited less than", charts.BLUE, middle, area=True)]
        series.append(_series("95 % waited less than", charts.AMBER, high))
        charts.timechart(series, key="oc_chart_waits", unit="%.1f s")


def _day_of_tasks(console: Console) -> list[RunGroup]:
    """Return the stretches of the last day with nothing left out: one without tasks is a zero, not a gap."""
    step = overview.TASKS_STEP_S
    until = (console.source.now() // step + 1) * step
    try:
        found = console.source.bucket_runs("", since=until - 86_400.0, until=until, step_s=step)
    except OctostarRuntimeError as error:
        blocks.note(str(error), "warn")
        return []
    if not found.groups:
        blocks.empty("No task was queued", "Each half hour with tasks will be a point here.")
        return []
    return task_groups.without_gaps(found.groups, since=until - 86_400.0, until=until, step_s=step)


def _series(name: str, colour: str, points: Sequence[tuple[float, float]], *, area: bool = False) -> charts.Series:
    return charts.Series(name=name, points=points, colour=colour, area=area)
