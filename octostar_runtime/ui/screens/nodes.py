"""Nodes: every process of this deployment."""

from octostar_runtime.ui import actions, frame
from octostar_runtime.ui.components.tableview import table
from octostar_runtime.ui.console import Console
from octostar_runtime.ui.queries import nodes

_FOOT = (
    '<div class="oc oc-dim">A node is late when its sign of life is overdue, and lost when it stays away; its tasks '
    "are then lost too. Only processes that share this store are listed.</div>"
)


def draw(console: Console) -> None:
    """Draw the page."""
    screen = frame.Screen(title="Nodes", subtitle="Every process that takes part", body=lambda: _body(console))
    frame.page(console, screen)


def _body(console: Console) -> None:
    snapshot = console.snapshot
    none = ("No nodes", "Each process that embeds the runtime and shares the store is a row here.")
    answer = table(nodes.table(snapshot), key="oc_nodes", locked=console.locked, none=none, foot=_FOOT)
    node = next((node for node in snapshot.nodes if node.node_id == answer.target), None)
    if node is not None and answer.action == "drain":
        actions.ask(actions.drain_node(node.node_id, nodes.name_of(node)))
    if node is not None and answer.action == "undrain":
        actions.ask(actions.undrain_node(node.node_id, nodes.name_of(node)))
