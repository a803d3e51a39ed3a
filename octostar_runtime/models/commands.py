"""A command: what one node asks of another."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class CommandState(StrEnum):
    """What became of a command."""

    NEW = "new"
    TAKEN = "taken"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"  # nobody took it up in time


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRecord:
    """A command frozen at one moment. ``args`` and ``result`` hold JSON values."""

    command_id: str
    target: str  # node_id
    kind: str  # "run.cancel", "pool.resize", "session.end", ...
    args: Mapping[str, object]
    actor: str | None
    reason: str | None
    at: float
    expires_at: float
    state: CommandState = CommandState.NEW
    result: Mapping[str, object] = field(default_factory=dict)
    error: str | None = None
    done_at: float | None = None
