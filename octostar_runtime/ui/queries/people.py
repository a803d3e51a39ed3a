"""What one viewer may see of people and arguments."""

from dataclasses import dataclass

from octostar_runtime.access.visible import View
from octostar_runtime.models.access import Principal
from octostar_runtime.models.events import Event
from octostar_runtime.models.runs import RunRecord
from octostar_runtime.models.sessions import SessionRecord


@dataclass(frozen=True, slots=True)
class Eyes:
    """The eyes of one viewer: records and names as this person may see them."""

    view: View
    by: Principal

    @property
    def all(self) -> bool:
        """Whether nothing of people is kept from this viewer."""
        return self.mask == "somebody"

    @property
    def mask(self) -> str | None:
        """The same for all viewers who see people in the same way."""
        return self.person("somebody")

    def person(self, text: str | None) -> str | None:
        """Return a user's name or address as this viewer may see it."""
        return self.view.person(text, self.by)

    def run(self, record: RunRecord) -> RunRecord:
        """Return a run as this viewer may see it."""
        return self.view.run(record, self.by)

    def session(self, record: SessionRecord) -> SessionRecord:
        """Return a session as this viewer may see it."""
        return self.view.session(record, self.by)

    def event(self, record: Event) -> Event:
        """Return an event as this viewer may see it."""
        return self.view.event(record, self.by)

    def check_event_search(self, text: str, actor: str) -> None:
        """Raise NotAllowed for a search of the history that would find out what this viewer is not shown."""
        self.view.check_event_search(text, actor, self.by)

    def check_search(self, text: str) -> None:
        """Raise NotAllowed for a search that would find out what this viewer is not shown."""
        self.view.check_search(text, self.by)
