"""What may be asked for about tasks."""

from collections.abc import Sequence
from functools import partial
from typing import Protocol

from octostar_runtime.errors import CountChanged
from octostar_runtime.models.access import Principal
from octostar_runtime.models.outcomes import Outcome, summary
from octostar_runtime.operations import Operations
from octostar_runtime.ui.actions.confirm import Answers, Request
from octostar_runtime.ui.formats import plural, short_id

#: Times the count is taken anew when it keeps falling while we look.
_TRIES = 20


class Matching(Protocol):
    """An operation on everything that matches a search."""

    def __call__(self, query: str, expected: int, *, by: Principal, reason: str) -> tuple[Outcome, ...]: ...


def cancel_runs(run_ids: Sequence[str], name: str = "") -> Request:
    """Ask to cancel these runs."""
    ids = tuple(run_ids)
    what = _which(ids, name)
    return Request(
        title=f"Cancel {what}?",
        sentence="A queued task ends at once. A running one is asked to stop and ends at its next check.",
        button=f"Cancel {plural(len(ids), 'task')}",
        deed=lambda operations, by, answers: summary(
            operations.cancel_runs(ids, by=by, reason=answers.reason), "cancelled"
        ),
    )


def cancel_matching(query: str, expected: int) -> Request:
    """Ask to cancel every live run that matches."""
    return Request(
        title=f"Cancel all {expected:,} that match?",
        sentence=f"Every task that waits or runs and matches `{query or 'anything'}` is asked to stop.",
        button=f"Cancel {expected:,} tasks",
        deed=lambda operations, by, answers: summary(
            _at_most(operations.cancel_matching, query, expected, by, answers.reason), "cancelled"
        ),
        recounted=partial(cancel_matching, query),
    )


def hard_stop_run(run_id: str, name: str) -> Request:
    """Ask to break off a run that does not heed its cancel."""

    def deed(operations: Operations, by: Principal, answers: Answers) -> str:
        return summary((operations.hard_stop_run(run_id, by=by, reason=answers.reason),), "hard-stopped")

    return Request(
        title=f"Hard stop {_which((run_id,), name)}?",
        sentence=(
            "The task was asked to stop and did not answer. A hard stop breaks it off wherever it is: files and "
            "connections it holds may be left as they are. If even that fails, its worker is replaced."
        ),
        button="Hard stop",
        deed=deed,
    )


def retry_runs(run_ids: Sequence[str], name: str = "") -> Request:
    """Ask to run these again."""
    ids = tuple(run_ids)
    what = _which(ids, name)
    return Request(
        title=f"Retry {what}?",
        sentence="Each is run again with the same arguments, as a new run.",
        button=f"Retry {plural(len(ids), 'task')}",
        deed=lambda operations, by, answers: summary(
            operations.retry_runs(ids, by=by, reason=answers.reason), "queued again"
        ),
    )


def retry_matching(query: str, expected: int) -> Request:
    """Ask to run every ended run that matches again."""
    return Request(
        title=f"Retry all {expected:,} that match?",
        sentence=f"Every ended task that matches `{query or 'anything'}` is run again with the same arguments.",
        button=f"Retry {expected:,} tasks",
        deed=lambda operations, by, answers: summary(
            _at_most(operations.retry_matching, query, expected, by, answers.reason), "queued again"
        ),
        recounted=partial(retry_matching, query),
    )


def _which(ids: Sequence[str], name: str) -> str:
    """Return what is asked about: of a single run its id too, for many may have the same name."""
    return f"{name} {short_id(ids[0])}" if len(ids) == 1 and name else plural(len(ids), "task")


def _at_most(act: Matching, query: str, expected: int, by: Principal, reason: str) -> tuple[Outcome, ...]:
    """Act on what matches when it has become less than what was confirmed; CountChanged when it has become more.

    On a busy queue some end between the question and the click: nobody has to confirm anew for those.
    """
    for _ in range(_TRIES):
        try:
            return act(query, expected, by=by, reason=reason)
        except CountChanged as error:
            if error.current >= expected:
                raise
            expected = error.current
    return act(query, expected, by=by, reason=reason)
