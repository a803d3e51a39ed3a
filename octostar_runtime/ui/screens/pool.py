"""Pool: how busy the workers are, how long work waits, and what each worker did."""

from collections.abc import Mapping

import streamlit as st

from octostar_runtime.models.access import Role
from octostar_runtime.models.pools import ClusterRecord, PoolRecord
from octostar_runtime.ui import actions, frame
from octostar_runtime.ui.components import blocks, charts
from octostar_runtime.ui.components.tableview import table
from octostar_runtime.ui.components.timelines import worker_timeline
from octostar_runtime.ui.console import Console
from octostar_runtime.ui.queries import cluster, overview, pools
from octostar_runtime.ui.queries.nodes import name_of
from octostar_runtime.ui.screens.overview import CURVES_S

_SHOWN = "octostar_timeline"


def draw(console: Console) -> None:
    """Draw the page."""
    frame.page(console, frame.Screen(title="Pool", subtitle="Workers, queue and use", body=lambda: _body(console)))
    if console.principal.role >= Role.VIEWER:
        _use(console)
        _timeline(console)


def _body(console: Console) -> None:
    snapshot = console.snapshot
    pool = _chosen(console)
    if pool is None:
        blocks.empty("No pool yet", "A pool with its workers shows here as soon as an app starts.")
        return
    nodes = {node.node_id: name_of(node) for node in snapshot.nodes}
    answer = table(pools.pools_table(snapshot.pools, nodes, console.links), key="oc_pools", locked=console.locked)
    where = nodes.get(pool.node_id, "a node that is gone")
    blocks.heading(f"Pool {pool.name}", f"{pools.engine_words(pool.engine)} on {where}")
    blocks.tiles([_tile(figure) for figure in pools.figures(pool, console.links)])
    names = {run.run_id: run.name for run in snapshot.runs if not run.terminal}
    none = ("No workers", "This pool gave its threads back. They return with the next task.")
    table(pools.workers_table(pool, names, console.links), key="oc_workers", none=none)
    if pool.cluster is not None:
        _cluster(pool.cluster, names, console)
    for one in snapshot.pools:
        if pools.pool_key(one) == answer.target:
            _act(answer.action, one)


def _cluster(seen: ClusterRecord, names: Mapping[str, str], console: Console) -> None:
    """The workers that execute the runs of the pool: its own are the slots that follow them."""
    blocks.heading("Cluster", cluster.heading_note(seen))
    blocks.tiles([_tile(figure) for figure in cluster.cluster_figures(seen)])
    if seen.state == "stopped":
        none = ("Not started", "The cluster starts, or is connected, with the next task.")
    else:
        none = ("No workers", "Tasks wait until a worker joins the cluster.")
    table(cluster.cluster_table(seen, names, console.links), key="oc_cluster", none=none)
    if seen.workers_total > len(seen.workers):
        blocks.note(
            f"Newest {len(seen.workers)} of {seen.workers_total} workers; Dask's own dashboard has all of them."
        )
    if address := cluster.dashboard(seen):
        blocks.outside_link("Dask's own dashboard", address, "opens on the cluster's own network")


def _chosen(console: Console) -> PoolRecord | None:
    return pools.choose(console.snapshot.pools, st.query_params.get("pool", ""))


def _act(action: str, pool: PoolRecord) -> None:
    if action == "resize":
        actions.ask(actions.resize_pool(pool.node_id, pool.name, pool.size))
    elif action in pools.POOL_VERBS.get(pool.state, ()):
        actions.ask(actions.pool_action(action, pool.node_id, pool.name))


def _tile(figure: pools.Figure) -> blocks.Tile:
    return blocks.Tile(
        label=figure.label,
        value=figure.value,
        note=figure.note,
        href=figure.href,
        tone=figure.tone,
        share=figure.share,
    )


def _use(console: Console) -> None:
    chosen = frame.choices().refresh_s
    every = None if chosen is None or actions.pending() else max(chosen, CURVES_S)
    blocks.heading("Use over time", "all pools together, the last 15 minutes")
    st.fragment(_curve, run_every=every)(console)


def _curve(console: Console) -> None:
    samples = overview.bucketed(console.snapshot.host_history)
    if len(samples) < 2:
        blocks.empty("Not enough readings yet", "The curve appears within half a minute.")
        return
    points = [(sample.at, sample.busy_share * 100) for sample in samples]
    series = charts.Series(name="Busy workers", points=points, colour=charts.BLUE, area=True)
    charts.timechart([series], key="oc_chart_pool", unit="%.0f %%", top=100, height=180)


def _timeline(console: Console) -> None:
    """The timeline is drawn on demand: a Plotly chart would lose its zoom with each refresh."""
    blocks.heading("What each worker did", "the last 15 minutes, drawn on demand")
    st.fragment(_drawn)(console)


def _drawn(console: Console) -> None:
    pool = _chosen(console)
    if pool is None:
        return
    key, now = pools.pool_key(pool), console.source.now()
    shown = st.session_state.get(_SHOWN)
    label = "Draw again" if shown else "Draw the timeline"
    if st.button(label, key="oc_timeline", icon=":material/view_timeline:"):
        shown = st.session_state[_SHOWN] = (key, now, pools.timeline(pool, now))
    if shown and shown[0] == key:
        worker_timeline(shown[2], shown[1], key="oc_timeline_chart")
