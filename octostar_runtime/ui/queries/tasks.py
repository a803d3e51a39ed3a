"""Tasks: tabs with counts, one page of rows, and groups by name or error."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from octostar_runtime.models.fleet import FleetSnapshot
from octostar_runtime.models.runs import LIVE, RunRecord, RunState
from octostar_runtime.query import Field, Query, parse
from octostar_runtime.ui import formats, words
from octostar_runtime.ui.links import Links
from octostar_runtime.ui.queries.once import Once
from octostar_runtime.ui.queries.people import Eyes
from octostar_runtime.ui.tables import Cell, Column, RowAction, Table

#: Tabs: address word -> (title, states)
TABS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "": ("All", ()),
    "running": ("Running", ("running", "cancelling", "unknown")),
    "queued": ("Queued", ("queued", "retry_wait")),
    "failed": ("Failed", ("error", "timed_out", "lost")),
    "done": ("Done", ("success",)),
    "cancelled": ("Cancelled", ("cancelled",)),
}
SORTS = {
    "queued_at": "Queued",
    "started_at": "Started",
    "ended_at": "Ended",
    "wait_s": "Waited",
    "run_s": "Took",
    "name": "Task",
    "user": "User",
}
DEFAULT_SORT = "-queued_at"
CANCEL = RowAction(name="cancel", label="Cancel", help="Ask this task to stop")
RETRY = RowAction(name="retry", label="Retry", help="Run it again with the same arguments")
HARD_STOP = RowAction(name="hard_stop", label="Hard stop", help="Break off a task that does not heed its cancel")
BULK = (
    RowAction(name="cancel", label="Cancel", needs="cancel"),
    RowAction(name="retry", label="Retry", needs="retry", help="Run them again with the same arguments"),
)
_STATES = {**words.RUN, "stuck": words.STUCK}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the address asks for."""

    tab: str = ""
    text: str = ""
    sort: str = DEFAULT_SORT
    page: int = 1
    rows: int = 50

    @property
    def query(self) -> str:
        """The tab and the search box as one search.

        Two ``state:`` terms side by side mean either of them. Where the box names states too, the tab is therefore
        said by what it leaves out, so that both have to hold.
        """
        states = TABS.get(self.tab, TABS[""])[1]
        if not states:
            return self.text.strip()
        if any(term.field is Field.STATE and not term.exclude for term in parse(self.text).terms):
            others = [state.value for state in RunState if state.value not in states]
            return f"-state:{','.join(others)} {self.text}".strip()
        return f"state:{','.join(states)} {self.text}".strip()

    def narrowed(self, *, live: bool) -> str:
        """Return the search for only what can be cancelled (``live``) or retried.

        By exclusion: two ``state:`` terms side by side mean either of them, not both.
        """
        return f"{self.query} -state:{'ended' if live else 'live'}".strip()

    @property
    def offset(self) -> int:
        """Rows before this page."""
        return (self.page - 1) * self.rows

    def parsed(self) -> Query:
        """Return the search; QueryInvalid when the text cannot be read."""
        return parse(self.query)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One page of runs and how many there are in all (more than ``total`` when it is not ``exact``)."""

    runs: Sequence[RunRecord]
    total: int
    exact: bool = True
    next: str | None = None  # pages are numbered here; a cursor is for programs


def tab_counts(counts: Mapping[RunState, int]) -> dict[str, int]:
    """Return how many retained runs each tab holds."""
    by_value = {str(state.value): count for state, count in counts.items()}
    return {
        tab: sum(by_value.get(state, 0) for state in states) if states else sum(by_value.values())
        for tab, (_, states) in TABS.items()
    }


_once = Once()
_tables = Once(values=16)


def from_snapshot(snapshot: FleetSnapshot, wanted: Wanted) -> Listed | None:
    """Return the page out of memory when it surely holds all of it, None when the archive has to be asked.

    That is the case for a tab without a search, in the usual order, as far as the snapshot reaches. One that is full of
    live runs has no ended ones, which may be newer than those.
    """
    if wanted.text.strip() or wanted.sort != DEFAULT_SORT:
        return None
    total = tab_counts(snapshot.counts)[wanted.tab if wanted.tab in TABS else ""]
    states = TABS.get(wanted.tab, TABS[""])[1]
    runs: Sequence[RunRecord] = snapshot.runs
    if not states and sum(snapshot.counts.get(state, 0) for state in LIVE) >= snapshot.runs_limit:
        return None
    if states:
        wanted_states = frozenset(states)  # the states are strings themselves
        runs = _once.get(snapshot, states, lambda: [run for run in snapshot.runs if run.state in wanted_states])
    if len(runs) < min(total, wanted.offset + wanted.rows):
        return None
    first, last = wanted.offset, wanted.offset + wanted.rows
    return _once.get(
        snapshot, (states, first, last), lambda: Listed(runs=runs[first:last], total=max(total, len(runs)))
    )


def shown(listed: Listed, links: Links, eyes: Eyes, alive: frozenset[str]) -> Table:
    """Return the rows of one page of runs, made once for all who see them alike."""
    alike = (eyes.mask, alive, links.path("tasks"))
    return _tables.get(listed.runs, alike, lambda: table(listed.runs, links, eyes, alive))


def table(runs: Sequence[RunRecord], links: Links, eyes: Eyes, alive: Collection[str] = ()) -> Table:
    """Return the rows of one page of runs; ``alive`` are the nodes that can still be asked."""
    user_link = links.to("sessions", who="all") + "&user={v}"
    columns = (
        Column(label="Task", kind="link", href=links.to("run") + "?id={id}", main=True, sort="name"),
        Column(label="State", kind="state", words=_STATES),
        Column(label="Progress", kind="bar", help="How far it is, what it says of itself, or why it failed"),
        Column(label="User", kind="link", href=user_link, sort="user"),
        Column(label="Session", kind="link", href=links.to("sessions", who="all") + "&open={v}"),
        Column(label="Pool"),
        Column(label="Waited", end=True, sort="wait_s", help="In the queue"),
        Column(label="Took", kind="since", end=True, sort="run_s", help="From its start"),
        Column(label="Queued", kind="time", end=True, sort="queued_at"),
    )
    return Table(
        label="Tasks",
        columns=columns,
        rows=[_row(run, eyes, run.node_id in alive) for run in runs],
        actions=(CANCEL, HARD_STOP, RETRY),
        bulk=BULK,
    )


def _row(run: RunRecord, eyes: Eyes, owner_alive: bool) -> list[Cell]:
    live = not run.terminal
    return [
        run.run_id,
        run.name,
        "stuck" if run.stuck and live else run.state.value,
        round(run.progress, 2) if run.progress is not None and live else message(run),
        eyes.person(run.user),
        formats.session_name(run.session_id) if run.session_id else None,
        run.pool,
        formats.duration(run.wait_s) if run.wait_s is not None else None,
        _took(run),
        run.queued_at // 1,
        list(offered(run, owner_alive=owner_alive)),
    ]


def _took(run: RunRecord) -> Cell:
    if run.started_at is None:
        return None
    if run.terminal:
        return formats.duration(run.run_s)
    return run.started_at // 1


def message(run: RunRecord) -> str | None:
    """Return the one line that tells most of a run."""
    if run.error_type or run.error:
        return ": ".join(part for part in (run.error_type, run.error) if part)[:120]
    if run.state.value == "cancelled" and run.cancel is not None:
        return words.plain(words.CANCELLED_BECAUSE, run.cancel.reason)
    if run.attempt > 1:
        return f"attempt {run.attempt} of {run.max_attempts}"
    return run.message


def offered(run: RunRecord, *, owner_alive: bool = True) -> tuple[str, ...]:
    """Return the actions that make sense for a run now; ``owner_alive`` tells whether its node is still there."""
    if run.terminal:
        return ("retry",) if run.can_retry(owner_alive=owner_alive) else ()
    if run.stuck:
        return ("hard_stop",)
    return () if run.state.value == "cancelling" else ("cancel",)
