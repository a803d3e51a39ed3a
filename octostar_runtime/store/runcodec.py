"""A run as a row: columns for what is searched, sorted and counted by, JSON for the rest."""

import re
from collections.abc import Mapping
from dataclasses import MISSING, fields
from operator import attrgetter
from typing import Any

from octostar_runtime.models.runs import TERMINAL, CancelOutcome, CancelRecord, LogLine, RunRecord, RunState
from octostar_runtime.query.expression import error_text, head_text
from octostar_runtime.store.jsontext import clean, dump, load

#: Columns that hold a field of the record as it is.
PLAIN = (
    "run_id", "task_id", "name", "pool", "node_id", "session_id", "user", "seq",
    "queued_at", "started_at", "ended_at", "wait_s", "run_s",
)  # fmt: skip
#: Columns made from fields, in the order of :func:`run_row`.
DERIVED = ("state", "name_key", "user_key", "tags_key", "error_key", "head", "error_text", "args_text", "detail")
COLUMNS = (*PLAIN, *DERIVED)
#: What has to be read to rebuild a record.
READ = (*PLAIN, "state", "detail")

_IN_DETAIL = tuple(
    (field.name, field.default) for field in fields(RunRecord) if field.name not in PLAIN and field.name != "state"
)
_plain_of = attrgetter(*PLAIN)
_detail_of = attrgetter(*(name for name, _ in _IN_DETAIL))
ERROR_KEY_LENGTH = 200
#: What differs between two cases of one fault: ids, addresses, counts. One ``#`` stands for each.
_NUMBERS = re.compile(r"0x[0-9a-fA-F]+|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b|\d+(?:[.,:]\d+)*")
TAG_SEPARATOR = "\n"


def run_row(run: RunRecord) -> dict[str, Any]:
    """Return the row of ``run``, without its portable arguments.

    An ended run has an ``ended_at`` and a live one has none: the indexes and what may replace what rest on it. Made for
    every transition, so it takes few steps: what needs no cleaning is not cleaned.
    """
    row: dict[str, Any] = dict(zip(PLAIN, _plain_of(run), strict=True))
    head = head_text(run)
    tags = [tag.casefold() for tag in run.tags] if run.tags else ()
    if not head.isascii() or "\0" in head:  # all the texts below are in it
        head = clean(head)
        tags = [clean(tag) for tag in tags]
        for name in ("task_id", "name", "session_id", "user"):
            if row[name]:
                row[name] = clean(row[name])
    state = run.state
    if state in TERMINAL:
        if row["ended_at"] is None:
            row["ended_at"] = run.queued_at
        elif row["run_s"] is None and run.started_at is not None:
            row["run_s"] = row["ended_at"] - run.started_at  # what "longer:" compares, by an index
    else:
        row["ended_at"] = row["run_s"] = None
    row["state"] = state.value
    row["name_key"] = row["name"].casefold()
    row["user_key"] = row["user"].casefold() if row["user"] else ""
    row["tags_key"] = TAG_SEPARATOR.join(["", *tags, ""]) if tags else ""
    row["error_key"] = error_key(run)
    row["head"] = head.casefold()
    row["error_text"] = clean(text.casefold()) if (text := error_text(run)) else ""
    row["args_text"] = clean(run.arguments.casefold()) if run.arguments else ""
    row["detail"] = dump(_detail(run))
    return row


def error_key(run: RunRecord) -> str | None:
    """Return what failures are grouped by: the type and the message's first line, shortened, numbers as ``#``."""
    if run.error_type is None and run.error is None:
        return None
    first = (run.error or "").strip().partition("\n")[0]
    text = f"{run.error_type}: {first}" if run.error_type and first else run.error_type or first
    return _NUMBERS.sub("#", clean(text[: 4 * ERROR_KEY_LENGTH]))[:ERROR_KEY_LENGTH]


def _detail(run: RunRecord) -> dict[str, object]:
    detail: dict[str, object] = {
        name: value
        for (name, default), value in zip(_IN_DETAIL, _detail_of(run), strict=True)
        if value is not default and value != default
    }
    if run.cancel is not None:
        cancel = run.cancel
        detail["cancel"] = [
            cancel.requested_at, cancel.by, cancel.reason, cancel.outcome.value,
            cancel.acknowledged_after_s, cancel.stopped_after_s,
        ]  # fmt: skip
    if run.logs:
        detail["logs"] = [(line.at, line.level, line.logger, line.text) for line in run.logs]
    if run.timeline:
        detail["timeline"] = [(state.value, at) for state, at in run.timeline]
    return detail


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
