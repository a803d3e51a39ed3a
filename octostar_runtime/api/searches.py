"""Searches for runs as the API takes them."""

from dataclasses import replace
from typing import Literal

from octostar_runtime.models.runs import RunRecord
from octostar_runtime.query.expression import STATES

Sort = Literal[
    "-queued_at", "queued_at", "-started_at", "started_at", "-ended_at", "ended_at", "-name", "name", "-user", "user",
    "-state", "state", "-pool", "pool", "-node_id", "node_id", "-wait_s", "wait_s", "-run_s", "run_s",
]  # fmt: skip

# The query language as one regular expression, for documentation, generators and fuzzers; the parser decides.
_QUOTED = r'"(?:[^"\\]|\\[^\n])*"'
_QUOTED_SOMETHING = r'"(?:[^"\\]|\\[^\n])+"'
_REST = rf'(?:[^\s"]|{_QUOTED})*'
_WORD = rf'(?:[A-Za-z_]+|[A-Za-z_]*(?:{_QUOTED}|[^\s":A-Za-z_-]){_REST}|:{_REST})'
_VALUES = rf'(?:[^\s",]|{_QUOTED_SOMETHING}){_REST}'
_STATE = "(?:" + "|".join(STATES) + ")"
_DURATION = r"[0-9]{1,5}(?:\.[0-9]{1,3})?(?:ms|[smhdw])"
_TERM = (
    rf"-?(?:{_WORD}|(?:name|user|session|node|pool|tag|error|arg):{_VALUES}"
    rf"|state:{_STATE}(?:,{_STATE})*|(?:older|longer):{_DURATION})"
)
QUERY_PATTERN = rf"^\s*(?:{_TERM}(?:\s+{_TERM}){{0,9}})?\s*$"


def lean(run: RunRecord) -> RunRecord:
    """Return the run without what only its own page shows."""
    return replace(run, traceback=None, logs=(), timeline=())
