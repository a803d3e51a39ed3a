"""What of a record somebody may see: viewers get arguments and personal fields only if the settings say so."""

import hashlib
from dataclasses import replace

from octostar_runtime.errors import NotAllowed
from octostar_runtime.models.access import Principal, Role
from octostar_runtime.models.events import Event
from octostar_runtime.models.runs import RunRecord
from octostar_runtime.models.sessions import SessionRecord
from octostar_runtime.query import Field, parse
from octostar_runtime.settings import Settings

#: What of an event's data names a person or where they are.
PERSONAL = ("user", "owner", "peer", "remote_address")


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

    def event(self, record: Event, by: Principal) -> Event:
        """Return the event as ``by`` may see it: what happened, without who it was."""
        if by.role > Role.VIEWER or self._personal == "full":
            return record
        masked = {name: self.person(str(record.data[name]), by) for name in PERSONAL if record.data.get(name)}
        about_people = record.kind.startswith("access.")
        return replace(
            record,
            actor=self.person(record.actor, by),
            subject=(self.person(record.subject, by) or "—") if about_people else record.subject,
            data={**record.data, **masked},
        )

    def person(self, text: str | None, by: Principal) -> str | None:
        """Return a name or address as ``by`` may see it: whole, as a stable mask, or not at all."""
        if text is None or by.role > Role.VIEWER or self._personal == "full":
            return text
        if self._personal == "hidden":
            return None
        # stable, so that one person's sessions and runs can still be told to belong together
        return "user-" + hashlib.blake2b(text.encode(), digest_size=4).hexdigest()

    def check_event_search(self, text: str, actor: str, by: Principal) -> None:
        """Raise NotAllowed when a search of the history would find out by trial who it was."""
        if (text or actor) and by.role <= Role.VIEWER and self._personal != "full":
            raise NotAllowed("viewers cannot search the history for words or people here; choose a kind")

    def check_grouping(self, key: str, by: Principal) -> None:
        """Raise NotAllowed when groups would name what ``by`` is not shown at all."""
        if key == "user" and by.role <= Role.VIEWER and self._personal == "hidden":
            raise NotAllowed("viewers cannot group by user here; choose name, error, pool or state")

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
