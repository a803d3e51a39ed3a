"""Take a list away as CSV or JSON: exactly what the search finds, up to a bound that the button names."""

import csv
import io
import json
from collections.abc import Sequence

import streamlit as st

from octostar_runtime.models.runs import RunRecord
from octostar_runtime.ui.console import Console
from octostar_runtime.ui.queries.people import Eyes
from octostar_runtime.ui.queries.tasks import Listed, Wanted

#: Rows in one file.
LIMIT = 10_000
_FIELDS = (
    "run_id", "task_id", "name", "state", "pool", "node_id", "user", "attempt", "queued_at", "started_at", "ended_at",
    "wait_s", "run_s", "cpu_s", "error_type", "error", "arguments",
)  # fmt: skip


def rows(runs: Sequence[RunRecord], eyes: Eyes) -> list[dict[str, object]]:
    """Return runs as flat rows; personal fields and arguments as the viewer may see them."""
    return [_row(run, eyes) for run in runs]


def _row(run: RunRecord, eyes: Eyes) -> dict[str, object]:
    seen = eyes.run(run)
    row: dict[str, object] = {name: getattr(seen, name) for name in _FIELDS}
    return {**row, "state": str(run.state.value)}


def as_csv(table: Sequence[dict[str, object]]) -> str:
    """Return rows as CSV; a text that a spreadsheet would take for a formula is made harmless."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(table[0]) if table else list(_FIELDS))
    writer.writeheader()
    writer.writerows({name: _harmless(value) for name, value in row.items()} for row in table)
    return out.getvalue()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value


def buttons(console: Console, wanted: Wanted, listed: Listed) -> None:
    """Draw the download menu; the rows are fetched when it is clicked, not on each refresh."""
    if not listed.total:
        return

    def fetch() -> list[dict[str, object]]:
        page = console.source.find_runs(wanted.query, limit=LIMIT, offset=0, sort=wanted.sort)
        return rows(page.runs, console.eyes)

    count = min(listed.total, LIMIT)
    with st.popover("Export", icon=":material/download:", key="oc_export"):
        st.caption(f"{count:,} of {listed.total:,} tasks" if listed.total > LIMIT else f"{count:,} tasks")
        st.download_button(
            "CSV", lambda: as_csv(fetch()), "tasks.csv", "text/csv", key="oc_csv", on_click="ignore", width="stretch"
        )
        st.download_button(
            "JSON",
            lambda: json.dumps(fetch(), indent=1),
            "tasks.json",
            "application/json",
            key="oc_json",
            on_click="ignore",
            width="stretch",
        )
