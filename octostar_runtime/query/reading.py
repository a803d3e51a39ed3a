"""Read a search as a person typed it; whatever cannot be read is told with its place and the fix."""

import re
from difflib import get_close_matches

from octostar_runtime.errors import QueryInvalid
from octostar_runtime.models.runs import RunState
from octostar_runtime.query.durations import parse_duration
from octostar_runtime.query.expression import DURATIONS, STATES, Field, Pattern, Query, Term

MAX_LENGTH = 1000
MAX_TERMS = 50
_QUALIFIERS = {field.value: field for field in Field if field is not Field.TEXT}
_QUALIFIER = re.compile(r"([A-Za-z_]+):")


def parse(text: str) -> Query:
    """Return what ``text`` searches for; QueryInvalid says where and how to mend it. Empty text finds everything."""
    if len(text) > MAX_LENGTH:
        raise QueryInvalid(f"the search has {len(text)} characters; use at most {MAX_LENGTH}", position=MAX_LENGTH)
    terms: list[Term] = []
    position = _skip_spaces(text, 0)
    while position < len(text):
        if len(terms) == MAX_TERMS:
            raise QueryInvalid(f"the search has more than {MAX_TERMS} terms; leave some out", position=position)
        term, position = _read_term(text, position)
        terms.append(term)
        position = _skip_spaces(text, position)
    return Query(tuple(terms))


def _skip_spaces(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _read_term(text: str, start: int) -> tuple[Term, int]:
    exclude = text[start] == "-"
    position = start + exclude
    qualifier = _QUALIFIER.match(text, position)
    if qualifier is None:
        patterns, end = _read_values(text, position, split=False)
        if end == position:
            raise QueryInvalid('a "-" excludes what follows it: write the word right behind it', position=start)
        return Term(field=Field.TEXT, patterns=patterns, exclude=exclude), end
    field = _field(qualifier.group(1), position)
    patterns, end = _read_values(text, qualifier.end(), split=True)
    if not patterns or end == qualifier.end():
        raise QueryInvalid(f'"{field.value}:" has no value; write it right behind, {_example(field)}', position=start)
    return _term(field, patterns, exclude, qualifier.end()), end


def _field(word: str, position: int) -> Field:
    field = _QUALIFIERS.get(word.casefold())
    if field is not None:
        return field
    close = get_close_matches(word.casefold(), _QUALIFIERS, n=1)
    hint = f'did you mean "{close[0]}:"?' if close else f"use {', '.join(f'{name}:' for name in _QUALIFIERS)}."
    raise QueryInvalid(f'"{word}:" is no qualifier; {hint} To search for the text itself, quote it', position=position)


def _example(field: Field) -> str:
    if field is Field.STATE:
        return "e.g. state:failed"
    return f"e.g. {field.value}:5m" if field in DURATIONS else f"e.g. {field.value}:example"


def _term(field: Field, patterns: tuple[Pattern, ...], exclude: bool, position: int) -> Term:
    if field is Field.STATE:
        words = tuple(str(pattern) for pattern in patterns)
        states = frozenset[RunState]().union(*(_states(word, position) for word in words))
        return Term(field=field, states=states, exclude=exclude, words=words)
    if field in DURATIONS:
        return Term(field=field, seconds=_seconds(patterns, position), exclude=exclude)
    return Term(field=field, patterns=patterns, exclude=exclude)


def _states(word: str, position: int) -> frozenset[RunState]:
    states = STATES.get(word.replace("-", "_"))
    if states is None:
        raise QueryInvalid(f'"{word}" is no state; use {", ".join(STATES)}', position=position)
    return states


def _seconds(patterns: tuple[Pattern, ...], position: int) -> float:
    seconds = parse_duration(patterns[0].plain or "") if len(patterns) == 1 else None
    if seconds is None:
        written = ",".join(str(pattern) for pattern in patterns)
        raise QueryInvalid(f'"{written}" is no duration; write one like 30s, 5m, 2h or 1d', position=position)
    return seconds


def _read_values(text: str, start: int, *, split: bool) -> tuple[tuple[Pattern, ...], int]:
    """Read patterns up to the next space; with ``split`` a comma outside quotes separates alternatives."""
    values: list[list[str]] = [[""]]
    position = start
    while position < len(text) and not text[position].isspace():
        character = text[position]
        if character == '"':
            quoted, position = _read_quoted(text, position)
            values[-1][-1] += quoted
            continue
        if character == "*":
            values[-1].append("")
        elif character == "," and split:
            values.append([""])
        else:
            values[-1][-1] += character
        position += 1
    return tuple(_pattern(parts) for parts in values if parts != [""] or len(values) == 1), position


def _pattern(parts: list[str]) -> Pattern:
    return Pattern(tuple(part.casefold() for part in parts))


def _read_quoted(text: str, start: int) -> tuple[str, int]:
    read: list[str] = []
    position = start + 1
    while position < len(text):
        character = text[position]
        if character == '"':
            return "".join(read), position + 1
        if character == "\\" and position + 1 < len(text):
            position += 1
            character = text[position]
        read.append(character)
        position += 1
    raise QueryInvalid('a quotation mark is not closed; add a " at the end of the quoted words', position=start)
