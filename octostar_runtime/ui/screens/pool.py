"""Pool: how busy the workers are, how long work waits, and what each worker did."""

import streamlit as st

from octostar_runtime.models.fleet import HostSample
from octostar_runtime.models.pools import PoolRecord
from octostar_runtime.ui import actions, formats, frame, words
from octostar_runtime.ui.components import blocks, charts
from octostar_runtime.ui.components.markup import pill
from octostar_runtime.ui.components.tableview import table
from octostar_runtime.ui.components.timelines import worker_timeline
from octostar_runtime.ui.console import Console
from octostar_runtime.ui.queries import overview, pools

_SHOWN = "octostar_timeline"
#: What may be done to a pool in each state.
_VERBS = {
    "open": (("pause", "Pause"), ("drain", "Drain")),
    "paused": (("resume", "Resume"), ("drain", "Drain")),
    "draining": (("resume", "Resume"),),
}


def draw(console: Console) -> None:
    """Draw the page."""
    frame.page(console, "Pool", "Workers, queue and use", lambda: _body(console))


def _body(console: Console) -> None:
    snapshot = console.snapshot
    pool = pools.choose(snapshot.pools, st.query_params.get("pool", ""))
    if pool is None:
        blocks.empty("No pool yet", "A pool with its workers shows here as soon as an app starts.")
        return
    _tabs(console, pool)
    blocks.markup(pill(words.word(words.POOL, pool.state)), "oc oc-inline")
    blocks.tiles([_tile(figure) for figure in pools.figures(pool, console.links)])
    _controls(console, pool)
    _use(overview.bucketed(snapshot.host_history), pool)
    blocks.heading("Workers", "")
    names = {run.run_id: run.name for run in snapshot.runs if not run.terminal}
    none = ("No workers", "This pool gave its threads back. They return with the next task.")
    table(pools.workers_table(pool, names, console.links), key="oc_workers", none=none)
    _timeline(console, pool)


def _tile(figure: pools.Figure) -> blocks.Tile:
    return blocks.Tile(
        label=figure.label,
        value=figure.value,
        note=figure.note,
        href=figure.href,
        tone=figure.tone,
        share=figure.share,
    )


def _tabs(console: Console, chosen: PoolRecord) -> None:
    names = {node.node_id: node.name for node in console.snapshot.nodes}
    several = len({pool.node_id for pool in console.snapshot.pools}) > 1
    if len(console.snapshot.pools) < 2:
        return
    blocks.tabs(
        [
            blocks.Tab(
                label=f"{pool.name} on {names.get(pool.node_id, '?')}" if several else pool.name,
                count=pool.queued + pool.busy,
                href=console.links.to("pool", pool=pools.pool_key(pool)),
                current=pool is chosen,
            )
            for pool in console.snapshot.pools
        ]
    )


def _controls(console: Console, pool: PoolRecord) -> None:
    off, why = bool(console.locked), console.locked or None
    with st.container(horizontal=True, vertical_alignment="bottom", key="oc_pool_controls"):
        size = st.number_input(
            "Workers", 1, 1000, value=pool.size, key=f"oc_size_{pools.pool_key(pool)}", width=140, disabled=off
        )
        changed = int(size) != pool.size
        if st.button("Resize", key="oc_resize", disabled=off or not changed, help=why):
            actions.ask(actions.resize_pool(pool.node_id, pool.name, pool.size, int(size)))
        for verb, label, there in (
            ("pause", "Pause", "open"),
            ("resume", "Resume", "paused"),
            ("drain", "Drain", "open"),
        ):
            fits = pool.state == there or (verb == "resume" and pool.state == "draining")
            if fits and st.button(label, key=f"oc_{verb}", disabled=off, help=why):
                actions.ask(actions.pool_action(verb, pool.node_id, pool.name))


def _use(samples: list[HostSample], pool: PoolRecord) -> None:
    if len(samples) < 2:
        return
    blocks.heading("Use over time", "all pools of this node, the last 15 minutes")
    charts.timechart(
        [
            charts.Series(
                name="Busy workers",
                points=[(s.at, s.busy_share * 100) for s in samples],
                colour=charts.BLUE,
                area=True,
            )
        ],
        key="oc_chart_pool",
        unit="%.0f %%",
        top=100,
        height=180,
        alt=f"Share of busy workers, now {formats.percent(pool.busy / pool.size if pool.size else 0)}",
    )


def _timeline(console: Console, pool: PoolRecord) -> None:
    """The timeline is drawn on demand: a Plotly chart would lose its zoom with each refresh."""
    blocks.heading("What each worker did", "the last 15 minutes, drawn on demand")
    shown = st.session_state.get(_SHOWN)
    label = "Draw again" if shown else "Draw the timeline"
    if st.button(label, key="oc_timeline", icon=":material/view_timeline:"):
        shown = (pools.pool_key(pool), console.source.now(), pools.timeline(pool, console.source.now()))
        st.session_state[_SHOWN] = shown
    if shown and shown[0] == pools.pool_key(pool):
        worker_timeline(shown[2], shown[1], key="oc_timeline_chart")
