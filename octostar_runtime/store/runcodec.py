"""A run as a row: columns for what is searched, sorted and counted by, JSON for the rest."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from operator import attrgetter
from typing import Any, NamedTuple

from octostar_runtime.models.runs import TERMINAL, CancelOutcome, CancelRecord, LogLine, RunRecord, RunState
from octostar_runtime.query.expression import error_text, head_text
from octostar_runtime.store.grouping import FAILED
from octostar_runtime.store.jsontext import clean, dump, load

#: Columns that hold a field of the record as it is.
PLAIN = (
    "run_id", "task_id", "name", "pool", "node_id", "session_id", "user", "seq",
    "queued_at", "started_at", "ended_at", "wait_s", "run_s",
)  # fmt: skip
#: What has to be read to rebuild a record.
READ = (*PLAIN, "state", "detail")

_IN_DETAIL = tuple(
    (field.name, field.default) for field in fields(RunRecord) if field.name not in PLAIN and field.name != "state"
)
#: What most records say something about; the rest is compared at once.
_OFTEN = frozenset({
    "arguments", "function", "not_retriable_because", "portable", "retriable", "tags", "timeline", "worker",
})  # fmt: skip
_OFTEN_DETAIL = tuple(each for each in _IN_DETAIL if each[0] in _OFTEN)
_SELDOM_DETAIL = tuple(each for each in _IN_DETAIL if each[0] not in _OFTEN)
_SELDOM_DEFAULTS = tuple(default for _, default in _SELDOM_DETAIL)
_plain_of = attrgetter(*PLAIN)
_often_of = attrgetter(*(name for name, _ in _OFTEN_DETAIL))
_seldom_of = attrgetter(*(name for name, _ in _SELDOM_DETAIL))
ERROR_KEY_LENGTH = 200
#: What differs between two cases of one fault: ids, addresses, counts. One ``#`` stands for each.
_NUMBERS = re.compile(r"0x[0-9a-fA-F]+|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b|\d+(?:[.,:]\d+)*")
TAG_SEPARATOR = "\n"


class RunRow(NamedTuple):
    """The values of a row but for its number, in the order in which they are bound."""

    run_id: str
    task_id: str
    name: str
    name_key: str
    pool: str
    node_id: str
    session_id: str | None
    user: str | None
    user_key: str
    tags_key: str
    state: str
    seq: int
    queued_at: float
    started_at: float | None
    ended_at: float | None
    wait_s: float | None
    run_s: float | None
    error_key: str | None
    head: str
    error_text: str
    args_text: str
    detail: str
    portable: str | None


def run_row(run: RunRecord, portable: str | None = None) -> RunRow:
    """Return the row of ``run``, with its portable arguments as JSON.

    An ended run has an ``ended_at`` and a live one has none, a failed one has an ``error_key``: the indexes and what
    may replace what rest on it. Made for every transition, in few steps: what needs no cleaning is not cleaned.
    """
    (run_id, task_id, name, pool, node_id, session_id, user, seq,
     queued_at, started_at, ended_at, wait_s, run_s) = _plain_of(run)  # fmt: skip
    head, tags, state = head_text(run), run.tags, run.state
    if not head.isascii() or "\0" in head:  # all the texts below are in it
        head, task_id, name = clean(head), clean(task_id), clean(name)
        tags = tuple(clean(tag.casefold()) for tag in tags)
        session_id, user = session_id and clean(session_id), user and clean(user)
    if state in TERMINAL:
        if ended_at is None:
            ended_at = queued_at
        elif run_s is None and started_at is not None:
            run_s = ended_at - started_at  # what "longer:" compares, by an index
    else:
        ended_at = run_s = None
    error = error_text(run)
    return RunRow(
        run_id,
        task_id,
        name,
        name.casefold(),
        pool,
        node_id,
        session_id,
        user,
        user.casefold() if user else "",
        TAG_SEPARATOR.join(["", *(tag.casefold() for tag in tags), ""]) if tags else "",
        state.value,
        seq,
        queued_at,
        started_at,
        ended_at,
        wait_s,
        run_s,
        error_key(run) if error else "" if state in FAILED else None,
        head.casefold(),
        clean(error.casefold()) if error else "",
        clean(run.arguments.casefold()) if run.arguments else "",
        dump(_detail(run)),
        portable,
    )


def error_key(run: RunRecord) -> str | None:
    """Return what failures are grouped by: the type and the message's first line, shortened, numbers as ``#``."""
    if run.error_type is None and run.error is None:
        return None
    first = (run.error or "").strip().partition("\n")[0]
    text = f"{run.error_type}: {first}" if run.error_type and first else run.error_type or first
    return _NUMBERS.sub("#", clean(text[: 4 * ERROR_KEY_LENGTH]))[:ERROR_KEY_LENGTH]


def _detail(run: RunRecord) -> dict[str, object]:
    detail = _told(_OFTEN_DETAIL, _often_of(run))
    if (seldom := _seldom_of(run)) != _SELDOM_DEFAULTS:
        detail |= _told(_SELDOM_DETAIL, seldom)
    if run.cancel is not None:
        cancel = run.cancel
        detail["cancel"] = [
            cancel.requested_at, cancel.by, cancel.reason, cancel.outcome.value,
            cancel.acknowledged_after_s, cancel.stopped_after_s,
        ]  # fmt: skip
    if run.logs:
        detail["logs"] = [(line.at, line.level, line.logger, line.text) for line in run.logs]
    return detail


def _told(known: Iterable[tuple[str, object]], values: Iterable[object]) -> dict[str, object]:
    return {
        name: value
        for (name, default), value in zip(known, values, strict=True)
        if value is not default and value != default
    }


def run_of(row: Mapping[Any, Any]) -> RunRecord:
    """Return the record of a row that holds at least the columns in :data:`READ`; unknown details are left out.

    A newer release may have written details that this one does not know.
    """
    detail: dict[str, Any] = {name: value for name, value in load(row["detail"]).items() if name in _KNOWN}
    if "cancel" in detail:
        at, by, reason, outcome, acknowledged, stopped = detail["cancel"]
        detail["cancel"] = CancelRecord(
            requested_at=at,
            by=by,
            reason=reason,
            outcome=CancelOutcome(outcome),
            acknowledged_after_s=acknowledged,
            stopped_after_s=stopped,
        )
    if "logs" in detail:
        detail["logs"] = tuple(LogLine(at=a, level=lv, logger=lg, text=t) for a, lv, lg, t in detail["logs"])
    if "timeline" in detail:
        detail["timeline"] = tuple((RunState(state), at) for state, at in detail["timeline"])
    if "tags" in detail:
        detail["tags"] = tuple(detail["tags"])
    plain = {name: row[name] for name in PLAIN}
    return RunRecord(**plain, state=RunState(row["state"]), **detail)


_KNOWN = frozenset(name for name, _ in _IN_DETAIL)
assert all(default is not MISSING for _, default in _IN_DETAIL), "a field without a default needs a column"
