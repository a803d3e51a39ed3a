"""What an operator may do about a person's data."""

from octostar_runtime.errors import InvalidInput
from octostar_runtime.models.access import Principal, Role
from octostar_runtime.operations.dispatch import Dispatcher


class PeopleOperations(Dispatcher):
    """Erase what is personal of one user."""

    def erase_user(self, user: str, *, by: Principal, reason: str = "") -> int:
        """Remove a user's personal data from the store; returns the number of rows touched."""
        self._require(by, Role.ADMIN, "people:write", "erase a user's data", "user")
        if not user.strip():
            raise InvalidInput("name the user whose data is to be erased")
        rows = self._at.erase(user)
        # the audit line must not keep what was just erased
        self._audit("people.erased", "user", by, reason, {"rows": rows})
        return rows
