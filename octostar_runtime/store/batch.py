"""What the publisher hands over at once: whole rows, to be stored in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from octostar_runtime.models.events import Event
from octostar_runtime.models.runs import RunRecord
from octostar_runtime.models.sessions import SessionRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Changes in the order in which they are stored. ``portable`` maps a run_id to its arguments as JSON."""

    runs: Sequence[RunRecord] = ()
    sessions: Sequence[SessionRecord] = ()
    events: Sequence[Event] = ()
    portable: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.runs) + len(self.sessions) + len(self.events)
