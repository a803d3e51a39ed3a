"""What a viewer may see of people: everything, a mask, or nothing, as the settings say. Operators see everything."""

from dataclasses import dataclass

from octostar_runtime.models.access import Role


@dataclass(frozen=True, slots=True)
class Eyes:
    """The eyes of one viewer. ``personal`` is the setting ``show_personal``: full, masked or hidden."""

    role: Role = Role.ADMIN
    personal: str = "full"

    @property
    def clear(self) -> bool:
        """Whether this viewer sees personal fields and arguments as they are."""
        return self.role >= Role.OPERATOR or self.personal == "full"

    def personal_text(self, text: str | None) -> str | None:
        """Return a user's name or address as this viewer may see it."""
        if text is None or self.clear:
            return text
        if self.personal == "hidden":
            return "hidden"
        return f"{text[:1]}•••"

    def arguments(self, text: str) -> str:
        """Return a task's arguments as this viewer may see them."""
        return text if self.clear else "hidden"
