"""Overview: what is going on, and what needs a look now."""

import streamlit as st

from octostar_runtime.errors import OctostarRuntimeError
from octostar_runtime.models.access import Role
from octostar_runtime.models.fleet import HostSample
from octostar_runtime.ui import actions, frame
from octostar_runtime.ui.components import blocks, charts
from octostar_runtime.ui.components.markup import link, pill, text
from octostar_runtime.ui.console import Console
from octostar_runtime.ui.queries import history, overview

#: Seconds between refreshes of the curves, which have a point every 15 s.
CURVES_S = 15.0


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
    """Two charts, each a fragment of its own that refreshes when there may be a new point."""
    chosen = frame.choices().refresh_s
    every = None if chosen is None or actions.pending() else max(chosen, CURVES_S)
    left, right = st.columns(2)
    with left:
        blocks.heading("People and tasks", "the last 15 minutes")
        st.fragment(_work, run_every=every)(console)
    with right:
        blocks.heading("CPU, memory and pool use", "the last 15 minutes")
        st.fragment(_host, run_every=every)(console)


def _samples(console: Console) -> list[HostSample]:
    samples = overview.bucketed(console.snapshot.host_history)
    if len(samples) < 2:
        blocks.empty("Not enough readings yet", "The curve appears within half a minute.")
        return []
    return samples


def _work(console: Console) -> None:
    if samples := _samples(console):
        charts.timechart(
            [
                _series("People", charts.VIOLET, [(s.at, s.people) for s in samples]),
                _series("Running", charts.BLUE, [(s.at, s.running) for s in samples], area=True),
                _series("Queued", charts.AMBER, [(s.at, s.queued) for s in samples]),
            ],
            key="oc_chart_work",
        )


def _host(console: Console) -> None:
    if samples := _samples(console):
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


def _series(name: str, colour: str, points: list[tuple[float, float]], *, area: bool = False) -> charts.Series:
    return charts.Series(name=name, points=points, colour=colour, area=area)
