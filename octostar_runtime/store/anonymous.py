"""What is left of records when a person is removed from them."""

import re
from collections.abc import Mapping
from dataclasses import replace

from octostar_runtime.models.events import Event
from octostar_runtime.models.runs import RunRecord
from octostar_runtime.models.sessions import SessionRecord

ERASED = "erased"


def without_person(run: RunRecord) -> RunRecord:
    """Return that something ran, how long and how it ended; not whose it was nor what with."""
    return replace(
        run,
        user=None,
        session_id=None,
        task_id=ERASED,
        arguments="",
        tags=(),
        message=None,
        error=None,
        traceback=None,
        logs=(),
    )


def faceless(session: SessionRecord) -> SessionRecord:
    """Return a session without who and where from."""
    return replace(session, user=None, remote_address=None, browser=None)


def nameless(event: Event, user: str) -> Event:
    """Return ``event`` naming ``user`` nowhere; that somebody did it stays."""
    cleaned = _cleaned(dict(event.data), user)
    return replace(
        event,
        subject=_without(event.subject, user),
        actor=None if event.actor is None else _without(event.actor, user),
        reason=None if event.reason is None else _without(event.reason, user),
        data=cleaned if isinstance(cleaned, Mapping) else {},
    )


def _without(text: str, user: str) -> str:
    return re.sub(re.escape(user), ERASED, text, flags=re.IGNORECASE)


def _cleaned(value: object, user: str) -> object:
    if isinstance(value, str):
        return _without(value, user)
    if isinstance(value, list | tuple):
        return [_cleaned(item, user) for item in value]
    if isinstance(value, Mapping):
        return {_without(str(key), user): _cleaned(item, user) for key, item in value.items()}
    return value
