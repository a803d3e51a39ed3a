"""What an operator may do to nodes."""

from octostar_runtime.errors import NodeNotFound
from octostar_runtime.models.access import Principal, Role
from octostar_runtime.operations.dispatch import Dispatcher

SCOPE = "nodes:write"


class NodeOperations(Dispatcher):
    """Drain a node before it is restarted, and take it back into service."""

    def drain_node(self, node_id: str, *, by: Principal, reason: str = "") -> None:
        """Let every pool of the node finish what runs and start nothing new."""
        self._act_on_node(node_id, "node.drain", "drain a node", by, reason)

    def undrain_node(self, node_id: str, *, by: Principal, reason: str = "") -> None:
        """Let the node's pools work again."""
        self._act_on_node(node_id, "node.undrain", "take a node back into service", by, reason)

    def _act_on_node(self, node_id: str, kind: str, action: str, by: Principal, reason: str) -> None:
        self._require(by, Role.OPERATOR, SCOPE, action, node_id)
        node = next((node for node in self._at.snapshot().nodes if node.node_id == node_id), None)
        if node is None:
            raise NodeNotFound(f"no node {node_id!r} is known")
        self._send(node_id, kind, {}, by, reason)
        after = "draining" if kind == "node.drain" else "in service"
        self._audit(f"{kind}_requested", node_id, by, reason, {"before": node.state.value, "after": after})
