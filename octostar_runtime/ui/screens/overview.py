"""Overview: what is going on, and what needs a look now."""

import streamlit as st

from octostar_runtime.models.fleet import HostSample
from octostar_runtime.ui import frame
from octostar_runtime.ui.components import blocks, charts
from octostar_runtime.ui.components.markup import link, pill, text
from octostar_runtime.ui.console import Console
from octostar_runtime.ui.queries import history, overview


def draw(console: Console) -> None:
    """Draw the page."""
    frame.page(console, "Overview", "Everything at a glance", lambda: _body(console))


def _body(console: Console) -> None:
    snapshot, links = console.snapshot, console.links
    blocks.tiles([_tile(figure) for figure in overview.figures(snapshot, links)])
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
    _charts(overview.bucketed(snapshot.host_history))
    blocks.heading("Recent events", "")
    events = history.lines(console.source.find_events(limit=8), console.links, console.eyes)
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


def _charts(samples: list[HostSample]) -> None:
    if len(samples) < 2:
        blocks.heading("The last 15 minutes", "")
        blocks.empty("Not enough readings yet", "Curves of people, tasks, CPU and memory appear within half a minute.")
        return
    left, right = st.columns(2)
    with left:
        blocks.heading("People and tasks", "the last 15 minutes")
        charts.timechart(
            [
                _series("People", charts.VIOLET, [(s.at, s.people) for s in samples]),
                _series("Running", charts.BLUE, [(s.at, s.running) for s in samples], area=True),
                _series("Queued", charts.AMBER, [(s.at, s.queued) for s in samples]),
            ],
            key="oc_chart_work",
        )
    with right:
        blocks.heading("CPU, memory and pool use", "the last 15 minutes")
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
