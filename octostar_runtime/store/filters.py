"""Compile a search expression to SQL that finds exactly what :meth:`Query.matches` finds."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, not_, or_, true
from sqlalchemy.sql.elements import SQLColumnExpression

from octostar_runtime.models.runs import TERMINAL, RunState
from octostar_runtime.query import Field, Pattern, Query, Term
from octostar_runtime.store.jsontext import clean
from octostar_runtime.store.runcodec import TAG_SEPARATOR
from octostar_runtime.store.schema import run

Condition = ColumnElement[bool]
Text = SQLColumnExpression[Any]
ESCAPE = "\\"


def condition_of(query: Query, now: float) -> Condition:
    """Return the WHERE clause of ``query`` at the UTC second ``now``."""
    if not query.terms:
        return true()
    return and_(*(or_(*(_term(term, now) for term in group)) for group in query.groups))


def states_of(query: Query) -> frozenset[RunState] | None:
    """Return the states that ``query`` allows; None when it asks for anything else."""
    allowed = frozenset(RunState)
    for group in query.groups:
        if any(term.field is not Field.STATE for term in group):
            return None
        allowed &= frozenset().union(*(frozenset(RunState) - t.states if t.exclude else t.states for t in group))
    return allowed


def _term(term: Term, now: float) -> Condition:
    if term.field is Field.STATE and term.exclude:  # the other states: an index finds those, it cannot find "not"
        return _state(replace(term, states=frozenset(RunState) - term.states, exclude=False), now)
    holds = _CONDITIONS[term.field](term, now)
    return not_(func.coalesce(holds, false())) if term.exclude else holds


def _state(term: Term, _: float) -> Condition:
    states = sorted(state.value for state in term.states)
    if term.states == TERMINAL:
        return run.c.ended_at.is_not(None)
    if not term.states & TERMINAL:
        return and_(run.c.ended_at.is_(None), run.c.state.in_(states))
    return run.c.state.in_(states)


def _older(term: Term, now: float) -> Condition:
    return run.c.queued_at < now - term.seconds


def _longer(term: Term, now: float) -> Condition:
    live = and_(run.c.ended_at.is_(None), run.c.started_at < now - term.seconds)
    return or_(run.c.run_s > term.seconds, live)


def _whole_key(column: Text) -> Callable[[Term, float], Condition]:
    def compile_(term: Term, _: float) -> Condition:
        plain = [clean(pattern.plain) for pattern in term.patterns if pattern.plain is not None]
        globs = [_like(column, pattern, "", "") for pattern in term.patterns if pattern.plain is None]
        return or_(*([column.in_(plain)] if plain else []), *globs)

    return compile_


def _tag(term: Term, _: float) -> Condition:
    """Tags stand in one column, each between separators; ``*`` may not reach over one into the next tag."""
    return or_(*(_like(run.c.tags_key, pattern, f"%{TAG_SEPARATOR}", f"{TAG_SEPARATOR}%") for pattern in term.patterns))


def _inside(*columns: Text) -> Callable[[Term, float], Condition]:
    def compile_(term: Term, _: float) -> Condition:
        return or_(*(_like(column, pattern, "%", "%") for pattern in term.patterns for column in columns))

    return compile_


def _like(column: Text, pattern: Pattern, before: str, after: str) -> Condition:
    body = "%".join(_escaped(clean(part)) for part in pattern.parts)
    return column.like(f"{before}{body}{after}", escape=ESCAPE)


def _escaped(part: str) -> str:
    return part.replace(ESCAPE, ESCAPE * 2).replace("%", ESCAPE + "%").replace("_", ESCAPE + "_")


_CONDITIONS: dict[Field, Callable[[Term, float], Condition]] = {
    Field.STATE: _state,
    Field.OLDER: _older,
    Field.LONGER: _longer,
    Field.NAME: _whole_key(run.c.name_key),
    Field.USER: _whole_key(run.c.user_key),
    Field.POOL: _whole_key(func.lower(run.c.pool)),
    Field.TAG: _tag,
    Field.SESSION: _inside(func.lower(func.coalesce(run.c.session_id, ""))),
    Field.NODE: _inside(func.lower(run.c.node_id)),
    Field.ERROR: _inside(run.c.error_text),
    Field.ARG: _inside(run.c.args_text),
    Field.TEXT: _inside(run.c.head, run.c.error_text, run.c.args_text),
}
