"""What is left of records when a person is removed from them."""

import re
from collections.abc import Mapping
from dataclasses import replace

from octostar_runtime.models.events import Event
from octostar_runtime.models.runs import CancelRecord, LogLine, RunRecord
from octostar_runtime.models.sessions import SessionRecord

ERASED = "erased"
_NOT_RETRIABLE = "its arguments were erased with its user's data"


class Mentions:
    """Finds a user's name in texts, whole: ``ada`` is neither in ``adamant`` nor in ``ada@example.org``."""

    def __init__(self, user: str) -> None:
        self.user = user
        self._pattern = re.compile(rf"(?<![\w@+-])(?<!\w\.){re.escape(user)}(?![\w@+-])(?!\.\w)", re.IGNORECASE)

    def removed(self, text: str) -> str:
        """Return ``text`` with another word in the name's place."""
        return self._pattern.sub(ERASED, text)

    def maybe(self, text: str | None) -> str | None:
        """Return the same for a text that may be missing."""
        return None if text is None else self.removed(text)

    def within(self, value: object) -> object:
        """Return a JSON value with the name in none of its texts and keys."""
        if isinstance(value, str):
            return self.removed(value)
        if isinstance(value, list | tuple):
            return [self.within(item) for item in value]
        if isinstance(value, Mapping):
            return {self.removed(str(key)): self.within(item) for key, item in value.items()}
        return value


def without_person(run: RunRecord) -> RunRecord:
    """Return that something ran, how long and how it ended; not whose it was nor what with."""
    return replace(
        run,
        seq=run.seq + 1,
        user=None,
        session_id=None,
        task_id=ERASED,
        arguments="",
        tags=(),
        message=None,
        error=None,
        traceback=None,
        logs=(),
        cancel=None if run.cancel is None else replace(run.cancel, by=None, reason=ERASED),
        retriable=False,
        portable=False,
        not_retriable_because=_NOT_RETRIABLE,
    )


def without_mention(run: RunRecord, mentions: Mentions) -> RunRecord:
    """Return somebody else's run with ``mentions`` in no text; the same object when it is in none."""
    changed = replace(
        run,
        task_id=mentions.removed(run.task_id),
        tags=tuple(map(mentions.removed, run.tags)),
        arguments=mentions.removed(run.arguments),
        message=mentions.maybe(run.message),
        error=mentions.maybe(run.error),
        traceback=mentions.maybe(run.traceback),
        cancel=_without_canceller(run.cancel, mentions),
        logs=tuple(_without_words(line, mentions) for line in run.logs),
    )
    return run if changed == run else replace(changed, seq=run.seq + 1)


def _without_canceller(cancel: CancelRecord | None, mentions: Mentions) -> CancelRecord | None:
    if cancel is None:
        return None
    return replace(cancel, by=mentions.maybe(cancel.by), reason=mentions.removed(cancel.reason))


def _without_words(line: LogLine, mentions: Mentions) -> LogLine:
    text = mentions.removed(line.text)
    return line if text == line.text else replace(line, text=text)


def faceless(session: SessionRecord) -> SessionRecord:
    """Return a session without who and where from."""
    return replace(session, seq=session.seq + 1, user=None, remote_address=None, browser=None)


def nameless(event: Event, mentions: Mentions) -> Event:
    """Return ``event`` with the name nowhere in it; that somebody did it stays. The same object when it is not."""
    cleaned = mentions.within(dict(event.data))
    changed = replace(
        event,
        subject=mentions.removed(event.subject),
        actor=mentions.maybe(event.actor),
        reason=mentions.maybe(event.reason),
        data=cleaned if isinstance(cleaned, Mapping) else {},
    )
    return event if changed == event else changed
