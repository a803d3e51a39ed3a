"""What a search means: a frozen tree of terms that can be matched, compiled and written back as text.

All comparisons ignore case (``str.casefold``), in memory and in SQL alike.
"""

import re
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from enum import StrEnum
from functools import lru_cache

from octostar_runtime.models.runs import LIVE, TERMINAL, RunRecord, RunState
from octostar_runtime.query.durations import format_duration


class Field(StrEnum):
    """What a term looks at; the value is its qualifier. TEXT is a word without one."""

    STATE = "state"
    NAME = "name"
    USER = "user"
    SESSION = "session"
    NODE = "node"
    POOL = "pool"
    TAG = "tag"
    ERROR = "error"
    ARG = "arg"
    OLDER = "older"
    LONGER = "longer"
    TEXT = "text"


#: Fields whose value must be the whole of what is compared; the others look for it anywhere inside.
WHOLE = frozenset({Field.NAME, Field.USER, Field.POOL, Field.TAG})
DURATIONS = frozenset({Field.OLDER, Field.LONGER})
#: A run has one of each, so that naming two means either of them.
SINGLE = frozenset({Field.STATE, Field.NAME, Field.USER, Field.SESSION, Field.NODE, Field.POOL})

#: What ``state:`` understands beside the states themselves.
STATE_GROUPS: dict[str, frozenset[RunState]] = {
    "live": LIVE,
    "ended": TERMINAL,
    "failed": frozenset({RunState.ERROR, RunState.TIMED_OUT, RunState.LOST}),
}
STATES: dict[str, frozenset[RunState]] = {**{state.value: frozenset({state}) for state in RunState}, **STATE_GROUPS}


@dataclass(frozen=True, slots=True)
class Pattern:
    """A case-folded value cut at its ``*``: one part is plain text, more have anything between them."""

    parts: tuple[str, ...]

    @property
    def plain(self) -> str | None:
        """The text when there is no ``*`` in it."""
        return self.parts[0] if len(self.parts) == 1 else None

    def matches(self, text: str, *, whole: bool) -> bool:
        """Whether ``text`` is (``whole``) or contains what the pattern describes."""
        folded = text.casefold()
        if self.plain is not None:
            return folded == self.plain if whole else self.plain in folded
        found = _regex(self.parts)
        return bool(found.fullmatch(folded) if whole else found.search(folded))

    def __str__(self) -> str:
        return "*".join(_quoted(part) if _needs_quotes(part) else part for part in self.parts)


@lru_cache(maxsize=256)
def _regex(parts: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in parts), re.DOTALL)


def _needs_quotes(part: str) -> bool:
    return bool(re.search(r'[\s",:*\\]', part)) or part.startswith("-")


def _quoted(part: str) -> str:
    escaped = part.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One condition: any of ``patterns`` (or of ``states``, or more than ``seconds``), or none of them."""

    field: Field
    patterns: tuple[Pattern, ...] = ()
    states: frozenset[RunState] = frozenset()
    seconds: float = 0.0
    exclude: bool = False
    words: tuple[str, ...] = dataclass_field(default=(), compare=False)  # the states as they were written

    def matches(self, record: RunRecord, now: float) -> bool:
        """Whether the run satisfies this term at the UTC second ``now``."""
        return self._holds(record, now) is not self.exclude

    def _holds(self, record: RunRecord, now: float) -> bool:
        match self.field:
            case Field.STATE:
                return any(record.state == state for state in self.states)
            case Field.OLDER:
                return now - record.queued_at > self.seconds
            case Field.LONGER:
                return (running_s(record, now) or 0.0) > self.seconds
            case _:
                whole = self.field in WHOLE
                texts = looked_at(self.field, record)
                return any(pattern.matches(text, whole=whole) for pattern in self.patterns for text in texts)

    def __str__(self) -> str:
        sign = "-" if self.exclude else ""
        if self.field is Field.TEXT:
            return sign + str(self.patterns[0] if self.patterns[0].parts != ("",) else '""')
        return f"{sign}{self.field.value}:{self._value()}"

    def _value(self) -> str:
        if self.field in DURATIONS:
            return format_duration(self.seconds)
        if self.field is Field.STATE:
            return ",".join(self.words or sorted(state.value for state in self.states))
        return ",".join(str(pattern) or '""' for pattern in self.patterns)


def looked_at(field: Field, record: RunRecord) -> tuple[str, ...]:
    """Return the texts of a run that a term of this field compares."""
    match field:
        case Field.NAME:
            return (record.name,)
        case Field.USER:
            return (record.user or "",)
        case Field.SESSION:
            return (record.session_id or "",)
        case Field.NODE:
            return (record.node_id,)
        case Field.POOL:
            return (record.pool,)
        case Field.TAG:
            return record.tags
        case Field.ERROR:
            return (error_text(record),)
        case Field.ARG:
            return (record.arguments,)
        case _:
            return searched(record)


def searched(record: RunRecord) -> tuple[str, ...]:
    """Return everything a word without a qualifier is looked for in: names, ids and tags; the error; the arguments."""
    return (head_text(record), error_text(record), record.arguments)


def head_text(record: RunRecord) -> str:
    """Return a run's names, ids and tags, one to a line, with a line's end before and behind each tag."""
    tags = "".join(f"{tag}\n" for tag in record.tags)
    head = (record.name, record.task_id, record.run_id, record.user or "", record.session_id or "")
    return "\n".join(head) + (f"\n{tags}" if tags else "")


def error_text(record: RunRecord) -> str:
    """Return the type and the message of a run's error."""
    if record.error_type is None and record.error is None:
        return ""
    return f"{record.error_type or ''}\n{record.error or ''}"


def running_s(record: RunRecord, now: float) -> float | None:
    """Return how long the run has run, up to ``now`` when it still does; None when it never started."""
    if record.started_at is None:
        return None
    if record.ended_at is not None:
        return record.run_s if record.run_s is not None else record.ended_at - record.started_at
    return now - record.started_at


@dataclass(frozen=True, slots=True)
class Query:
    """Terms that must all hold. Positive terms of one single-valued field are alternatives: see :attr:`groups`."""

    terms: tuple[Term, ...] = ()

    @property
    def groups(self) -> tuple[tuple[Term, ...], ...]:
        """The terms as a conjunction of alternatives: ``state:queued state:running`` means either."""
        either: dict[Field, list[Term]] = {}
        groups: list[tuple[Term, ...]] = []
        for term in self.terms:
            if term.field in SINGLE and not term.exclude:
                either.setdefault(term.field, []).append(term)
            else:
                groups.append((term,))
        return (*(tuple(terms) for terms in either.values()), *groups)

    def matches(self, record: RunRecord, now: float) -> bool:
        """Whether the run is one of those searched for, at the UTC second ``now``."""
        return all(any(term.matches(record, now) for term in group) for group in self.groups)

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __str__(self) -> str:
        return " ".join(str(term) for term in self.terms)
