"""An event: an immutable line of history. The audit log is the events that have an actor."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from octostar_runtime.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened, to what, when, and by whom.

    ``kind`` is dotted, past tense, noun first: ``session.started``, ``run.cancelled``, ``service.stopped``,
    ``policy.saved``, ``access.signed_in``. ``at`` is UTC seconds. ``actor`` is an operator's name or None when
    no person asked for it. ``data`` holds small JSON values only, never secrets.
    """

    kind: str
    subject: str
    at: float
    node_id: str
    actor: str | None = None
    reason: str | None = None
    data: Mapping[str, object] = field(default_factory=dict)
    event_id: str = field(default_factory=new_id)
