"""What of a record somebody may see: viewers get arguments and personal fields only if the settings say so."""

import hashlib
from dataclasses import replace

from octostar_runtime.errors import NotAllowed
from octostar_runtime.models.access import Principal, Role
from octostar_runtime.models.runs import RunRecord
from octostar_runtime.models.sessions import SessionRecord
from octostar_runtime.query import Field, parse
from octostar_runtime.settings import Settings


class View:
    """Turns records into what a principal may see. Operators and admins see everything."""

    def __init__(self, settings: Settings) -> None:
        self._personal = settings.show_personal
        self._arguments = settings.show_arguments

    def run(self, record: RunRecord, by: Principal) -> RunRecord:
        """Return the run as ``by`` may see it."""
        if by.role > Role.VIEWER:
            return record
        if self._personal != "full" and record.user is not None:
            record = replace(record, user=self.person(record.user, by))
        if not self._arguments and record.arguments:
            record = replace(record, arguments="•••")
        return record

    def session(self, record: SessionRecord, by: Principal) -> SessionRecord:
        """Return the session as ``by`` may see it."""
        if by.role > Role.VIEWER or self._personal == "full":
            return record
        return replace(
            record,
            user=self.person(record.user, by),
            remote_address=self.person(record.remote_address, by),
            browser=record.browser if self._personal == "masked" else None,
        )

    def person(self, text: str | None, by: Principal) -> str | None:
        """Return a name or address as ``by`` may see it: whole, as a stable mask, or not at all."""
        if text is None or by.role > Role.VIEWER or self._personal == "full":
            return text
        if self._personal == "hidden":
            return None
        # stable, so that one person's sessions and runs can still be told to belong together
        return "user-" + hashlib.blake2b(text.encode(), digest_size=4).hexdigest()

    def check_search(self, text: str, by: Principal) -> None:
        """Raise NotAllowed when a search would find out by trial what ``by`` is not shown."""
        if by.role > Role.VIEWER or (self._personal == "full" and self._arguments):
            return
        for term in parse(text).terms:
            if term.field is Field.TEXT:
                raise NotAllowed("viewers cannot search for plain words here; name a field, e.g. name:report*")
            if term.field is Field.USER and self._personal != "full":
                raise NotAllowed("viewers cannot search by user here")
            if term.field is Field.ARG and not self._arguments:
                raise NotAllowed("viewers cannot search by argument here")
