"""Take a list away as CSV or JSON: exactly what the search finds, up to a bound that the button names."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from octostar_runtime.models.runs import RunRecord
from octostar_runtime.ui.console import Console
from octostar_runtime.ui.queries.people import Eyes
from octostar_runtime.ui.queries.tasks import Wanted

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


def menu(console: Console, wanted: Wanted, wrong: str) -> None:
    """Draw the download menu; the rows are fetched when it is clicked. ``wrong`` is why there can be none."""

    def fetch() -> list[dict[str, object]]:
        page = console.source.find_runs(wanted.query, limit=LIMIT, offset=0, sort=wanted.sort)
        return rows(page.runs, console.eyes)

    with st.popover("Export", icon=":material/download:", key="oc_export", disabled=bool(wrong), help=wrong or None):
        st.caption(f"All that match, up to {LIMIT:,}")
        if not wrong:
            files(fetch, "tasks")


def files(fetch: Callable[[], list[dict[str, object]]], name: str) -> None:
    """Draw the two downloads of what ``fetch`` returns."""
    for kind, mime, write in (("CSV", "text/csv", as_csv), ("JSON", "application/json", as_json)):
        st.download_button(
            kind,
            partial(_written, fetch, write),
            f"{name}.{kind.lower()}",
            mime,
            key=f"oc_{kind.lower()}",
            on_click="ignore",
            width="stretch",
        )


def _written(fetch: Callable[[], list[dict[str, object]]], write: Callable[[Sequence[dict[str, object]]], str]) -> str:
    return write(fetch())


def as_json(table: Sequence[dict[str, object]]) -> str:
    """Return rows as JSON."""
    return json.dumps(table, indent=1)
