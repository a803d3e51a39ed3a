"""What one viewer may see of people and arguments."""

from dataclasses import dataclass

from octostar_runtime.access.visible import View
from octostar_runtime.models.access import Principal
from octostar_runtime.models.runs import RunRecord


@dataclass(frozen=True, slots=True)
class Eyes:
    """The eyes of one viewer: records and names as this person may see them."""

    view: View
    by: Principal

    def person(self, text: str | None) -> str | None:
        """Return a user's name or address as this viewer may see it."""
        return self.view.person(text, self.by)

    def run(self, record: RunRecord) -> RunRecord:
        """Return a run as this viewer may see it."""
        return self.view.run(record, self.by)

    def check_search(self, text: str) -> None:
        """Raise NotAllowed for a search that would find out what this viewer is not shown."""
        self.view.check_search(text, self.by)

    def sees(self, text: str | None) -> bool:
        """Whether this viewer sees ``text`` as it is."""
        return self.person(text) == text
