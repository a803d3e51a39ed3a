"""``status``: how everything is, on one screen."""

from argparse import ArgumentParser, Namespace, _SubParsersAction

from octostar_runtime.cli.service import connect, moment, show, table


def add_to(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Add the command."""
    commands.add_parser("status", help="how everything is").set_defaults(run=status)


def status(arguments: Namespace) -> None:
    """Print nodes, pools, services and how many are connected."""
    with connect(arguments) as client:
        nodes, pools, services = client.nodes(limit=500), client.pools(limit=500), client.services(limit=500)
        people = client.sessions(limit=1, state="connected", observers=False).total
        running, queued = client.runs("state:running", limit=1).total, client.runs("state:queued", limit=1).total
        failed = client.runs("state:failed", limit=1).total
    value = {
        "people": people,
        "running": running,
        "queued": queued,
        "failed": failed,
        "nodes": [{"node_id": n.node_id, "kind": n.kind, "host": n.host, "state": n.state} for n in nodes.items],
        "pools": [{"node_id": p.node_id, "name": p.name, "size": p.size, "busy": p.busy} for p in pools.items],
        "services": [{"name": s.name, "state": s.state} for s in services.items],
    }
    show(
        arguments,
        value,
        [
            f"{people} people connected, {running} tasks running, {queued} queued, {failed} failed",
            "",
            *table(
                ("node", "kind", "host", "state", "since"),
                [(n.node_id, n.kind, n.host, n.state.value, moment(n.started_at)) for n in nodes.items],
            ),
            "",
            *table(
                ("pool", "node", "state", "busy", "size", "queued"),
                [(p.name, p.node_id, p.state, p.busy, p.size, p.queued) for p in pools.items],
            ),
            "",
            *table(
                ("service", "kind", "state", "since", "stops at"),
                [(s.name, s.kind, s.state.value, moment(s.since), moment(s.stops_at)) for s in services.items],
            ),
        ],
    )
