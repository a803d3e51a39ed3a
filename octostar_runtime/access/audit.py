"""Audit events of sign-in."""

from collections.abc import Mapping

from octostar_runtime.clock import Clock
from octostar_runtime.models.access import Principal
from octostar_runtime.models.events import Event
from octostar_runtime.ports import EventSink


class AccessAudit:
    """Publish what happened around sign-in; never with a secret."""

    def __init__(self, *, sink: EventSink, clock: Clock, node_id: str) -> None:
        self._sink = sink
        self._clock = clock
        self._node_id = node_id

    def record(
        self, kind: str, subject: str, by: Principal | None, data: Mapping[str, object], reason: str = ""
    ) -> None:
        """Publish one event; ``by`` is None when nobody was signed in."""
        self._sink.publish(
            Event(
                kind=kind,
                subject=subject,
                at=self._clock.time(),
                node_id=self._node_id,
                actor=by.name if by is not None else None,
                reason=reason or None,
                data={**data, **({"via": by.via} if by is not None else {})},
            )
        )
