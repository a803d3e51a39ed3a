"""The cluster behind a pool: how it does, what its workers have and do."""

from collections.abc import Mapping

from octostar_runtime.models.pools import ClusterRecord, ClusterWorker
from octostar_runtime.ui import formats, words
from octostar_runtime.ui.links import Links
from octostar_runtime.ui.queries.pools import Figure
from octostar_runtime.ui.tables import Cell, Column, Table

_RUNS_NAMED = 3


def heading_note(cluster: ClusterRecord) -> str:
    """Return whose cluster it is and where."""
    whose = "shared with others" if cluster.shared else "of this pool alone, on its own machine"
    return f"{cluster.address}, {whose}" if cluster.address else whose


def cluster_figures(cluster: ClusterRecord) -> list[Figure]:
    """Return the tiles of a cluster."""
    state = words.word(words.CLUSTER, cluster.state)
    odd = sum(worker.status != "running" for worker in cluster.workers)
    busy = sum(bool(worker.runs) for worker in cluster.workers)
    limited = cluster.memory_limit > 0
    waiting = f", {cluster.waiting_for_resources} find no worker" if cluster.waiting_for_resources else ""
    return [
        Figure(
            label="Cluster",
            value=state.label,
            note=_others(cluster),
            tone="bad" if cluster.state in ("down", "refused") else "",
        ),
        Figure(
            label="Workers",
            value=formats.number(cluster.workers_total),
            note=f"{busy} at work" + (f", {odd} not running" if odd else ""),
            tone="warn" if odd or (cluster.state == "up" and not cluster.workers_total) else "",
        ),
        Figure(label="Threads", value=formats.number(cluster.threads), note="runs at the same time"),
        Figure(
            label="Memory of the workers",
            value=formats.size(cluster.memory),
            note=f"of {formats.size(cluster.memory_limit)}" if limited else "no limit set",
            share=cluster.memory / cluster.memory_limit if limited else None,
        ),
        Figure(
            label="Waiting on the cluster",
            value=formats.number(cluster.queued),
            note=f"the pool's own queue comes first{waiting}",
            tone="warn" if cluster.waiting_for_resources else "",
        ),
    ]


def cluster_table(cluster: ClusterRecord, names: Mapping[str, str], links: Links) -> Table:
    """Return one row per worker, the busy ones first. ``names`` names the runs that are known."""
    columns = (
        Column(label="Worker", main=True),
        Column(label="State", kind="state", words=words.CLUSTER_WORKER),
        Column(label="Runs", kind="link", href=links.to("run") + "?id={id}"),
        Column(label="Threads", end=True),
        Column(label="Memory", end=True),
        Column(label="Of its limit", kind="bar"),
        Column(label="CPU", end=True),
        Column(label="Offers"),
        Column(label="Address"),
    )
    workers = sorted(cluster.workers, key=lambda worker: (worker.status == "running", not worker.runs))
    rows: list[list[Cell]] = [_row(worker, names) for worker in workers]
    return Table(label="Workers of the cluster", columns=columns, rows=rows)


def dashboard(cluster: ClusterRecord) -> str:
    """Return the address of Dask's own dashboard, "" when there is none."""
    return cluster.dashboard if cluster.dashboard.startswith(("http://", "https://")) else ""


def _others(cluster: ClusterRecord) -> str:
    if cluster.notice:
        return cluster.notice[:160]
    others = max(0, cluster.clients - 1)
    return (
        f"{formats.plural(others, 'other process', 'other processes')} use it"
        if cluster.shared
        else "starts and stops with the pool"
    )


def _row(worker: ClusterWorker, names: Mapping[str, str]) -> list[Cell]:
    named = [names.get(run_id, formats.short_id(run_id)) for run_id in worker.runs[:_RUNS_NAMED]]
    more = len(worker.runs) - len(named)
    return [
        worker.runs[0] if worker.runs else worker.address,
        worker.name,
        worker.status,
        ", ".join(named) + (f" and {more} more" if more > 0 else "") if named else None,
        str(worker.threads),
        formats.size(worker.memory),
        round(worker.memory / worker.memory_limit, 2) if worker.memory_limit else "no limit",
        f"{worker.cpu_percent:.0f} %",
        ", ".join(worker.resources) or None,
        worker.address,
    ]
