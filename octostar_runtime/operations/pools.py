"""What an operator may do to pools."""

from octostar_runtime.models.access import Principal, Role
from octostar_runtime.operations.dispatch import Dispatcher

SCOPE = "pools:write"
#: The state of a pool after each verb.
_AFTER = {"pause": "paused", "resume": "open", "drain": "draining"}


class PoolOperations(Dispatcher):
    """Resize, pause, resume and drain the pools of any node."""

    def resize_pool(self, node_id: str, pool: str, size: int, *, by: Principal, reason: str = "") -> None:
        """Set the number of workers; those that are busy end their run first."""
        before = self._size(node_id, pool)
        self._act_on_pool(node_id, pool, "resize", by, reason, {"size": size}, {"before": before, "after": size})

    def pause_pool(self, node_id: str, pool: str, *, by: Principal, reason: str = "") -> None:
        """Start nothing new until resumed; what runs goes on."""
        self._act_on_pool(node_id, pool, "pause", by, reason)

    def resume_pool(self, node_id: str, pool: str, *, by: Principal, reason: str = "") -> None:
        """Start queued runs again."""
        self._act_on_pool(node_id, pool, "resume", by, reason)

    def drain_pool(self, node_id: str, pool: str, *, by: Principal, reason: str = "") -> None:
        """Take no new work; what runs may end."""
        self._act_on_pool(node_id, pool, "drain", by, reason)

    def _act_on_pool(
        self,
        node_id: str,
        pool: str,
        verb: str,
        by: Principal,
        reason: str,
        args: dict[str, object] | None = None,
        audited: dict[str, object] | None = None,
    ) -> None:
        self._require(by, Role.OPERATOR, SCOPE, f"{verb} a pool", pool)
        if audited is None:
            audited = {"before": self._state(node_id, pool), "after": _AFTER[verb]}
        self._send(node_id, f"pool.{verb}", {"pool": pool, **(args or {})}, by, reason)
        self._audit(f"pool.{verb}_requested", pool, by, reason, {"node": node_id, **(audited or {})})

    def _state(self, node_id: str, pool: str) -> str | None:
        records = self._at.snapshot().pools
        return next((one.state for one in records if one.node_id == node_id and one.name == pool), None)

    def _size(self, node_id: str, pool: str) -> int | None:
        for record in self._at.snapshot().pools:
            if record.node_id == node_id and record.name == pool:
                return record.size
        return None
