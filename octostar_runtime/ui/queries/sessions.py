"""Sessions: one row per browser tab, and one per person with what their work costs."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from octostar_runtime.models.fleet import FleetSnapshot
from octostar_runtime.models.runs import RunRecord
from octostar_runtime.models.sessions import CallbackRecord, SessionRecord
from octostar_runtime.ui import formats, words
from octostar_runtime.ui.links import Links
from octostar_runtime.ui.queries.once import Once
from octostar_runtime.ui.queries.people import Eyes
from octostar_runtime.ui.tables import Cell, Column, RowAction, Table

GROUPS = {
    "people": "People",
    "observers": "Watching",
    "away": "Away",
    "ended": "Ended",
    "all": "All",
}
#: What sessions can be sorted by, as an address says it.
SORTS = ("who", "seen", "page", "connected", "tasks", "took")
DEFAULT_SORT = "-connected"
END = RowAction(name="end", label="End", help="End this session; its browser says that an operator did it")
MORE = RowAction(
    name="more", label="More", help="All that is known; message, rerun, stop its script, measure its memory", looks=True
)
BULK = (
    RowAction(name="end", label="End", needs="end"),
    RowAction(name="message", label="Message", needs="end"),
    RowAction(name="rerun", label="Rerun", needs="end", help="Run their pages again; what was typed stays"),
    RowAction(name="stop", label="Stop scripts", needs="end", help="Break off what their pages are computing"),
)
#: Of a session that ended, why it did stands in the place of its heartbeat.
_GONE = {reason: words.Word(said[:1].upper() + said[1:], "off") for reason, said in words.ENDED_BECAUSE.items()}


_groups, _lists, _counts = Once(), Once(), Once()  # by sessions, by snapshot, by runs
_tables = Once(values=16)  # by list


def group_of(session: SessionRecord) -> str:
    """Return the tab, other than "All", that a session belongs under."""
    state = session.state
    if state == "connected":
        return "observers" if session.observer else "people"
    return "ended" if state == "ended" else "away"


def grouped(sessions: Sequence[SessionRecord]) -> Mapping[str, Sequence[SessionRecord]]:
    """Return the sessions under each tab."""

    def sort_out() -> Mapping[str, Sequence[SessionRecord]]:
        found: dict[str, list[SessionRecord]] = {group: [] for group in GROUPS}
        for session in sessions:
            found[group_of(session)].append(session)
        found["all"] = list(sessions)
        return found

    return _groups.get(sessions, "grouped", sort_out)


def group_counts(sessions: Sequence[SessionRecord]) -> dict[str, int]:
    """Return how many sessions each tab holds."""
    return {group: len(found) for group, found in grouped(sessions).items()}


def listed(
    snapshot: FleetSnapshot, eyes: Eyes, group: str, text: str = "", user: str = "", sort: str = DEFAULT_SORT
) -> Sequence[SessionRecord]:
    """Return the sessions under a tab that hold ``text``, in order; worked out once for all who see the same."""
    return _lists.get(
        snapshot,
        (eyes.mask, group, text, user, sort),
        lambda: ordered(matching(snapshot, eyes, group, text, user), snapshot, eyes, sort),
    )


def shown(
    snapshot: FleetSnapshot,
    found: Sequence[SessionRecord],
    rows: slice,
    links: Links,
    eyes: Eyes,
    pages: Mapping[str, str],
) -> Table:
    """Return the ``rows`` of what :func:`listed` found, made once for all who see them alike."""
    alike = (rows.start, rows.stop, eyes.mask, links.path("sessions"))
    return _tables.get(found, alike, lambda: table(snapshot, found[rows], links, eyes, pages))


def matching(snapshot: FleetSnapshot, eyes: Eyes, group: str, text: str = "", user: str = "") -> list[SessionRecord]:
    """Return the sessions under a tab that hold ``text``.

    Only what this viewer sees is compared: a search must not tell by trial what is not shown.
    """
    wanted = text.casefold().strip()
    return [
        session
        for session in grouped(snapshot.sessions)[group]
        if (not user or eyes.person(session.user) == user)
        and (not wanted or any(wanted in part.casefold() for part in _texts(eyes.session(session))))
    ]


def _texts(session: SessionRecord) -> tuple[str, ...]:
    ref = formats.session_ref(session.session_id)
    parts = (session.user, session.page, session.remote_address, session.browser, ref)
    return tuple(part for part in parts if part)


def table(
    snapshot: FleetSnapshot, sessions: Sequence[SessionRecord], links: Links, eyes: Eyes, pages: Mapping[str, str]
) -> Table:
    """Return the rows of one page of sessions. ``pages`` maps a page's address to its title."""
    tasks, live = _task_counts(snapshot)
    gone = {session.end_reason.value for session in sessions if session.end_reason is not None}
    life = {**words.LIFE, **{reason: _GONE[reason] for reason in sorted(gone & set(_GONE))}}
    columns = (
        Column(label="Who", main=True, sort="who", help="The signed-in user of this browser tab"),
        Column(label="State", kind="state", words=words.SESSION),
        Column(label="Heartbeat", kind="state", words=life, help="From the browser itself: alive, late, then silent"),
        Column(label="Last sign", kind="time", sort="seen", help="The last proof of life from the browser"),
        Column(label="Page", sort="page"),
        Column(label="Connected", kind="since", end=True, sort="connected"),
        Column(
            label="Tasks",
            kind="link",
            href=links.to("tasks", q="session:") + "{id}",
            end=True,
            sort="tasks",
            # the same at every refresh, unlike how many there are
            help=f"How many of the newest {formats.number(snapshot.runs_limit)} tasks it has started, and how many of "
            "them are at work",
        ),
        Column(label="Last run", end=True, sort="took", help="How long its script took the last time"),
        Column(label="Browser"),
    )
    return Table(
        label="Sessions",
        columns=columns,
        rows=[
            _row(session, _tasks_said(tasks[session.session_id], live[session.session_id]), eyes, pages)
            for session in sessions
        ],
        actions=(END, MORE),
        bulk=BULK,
    )


def ordered(
    sessions: Sequence[SessionRecord], snapshot: FleetSnapshot, eyes: Eyes, sort: str
) -> Sequence[SessionRecord]:
    """Return sessions by one of :data:`SORTS`, falling behind a minus; by what this viewer sees of them."""
    tasks = _task_counts(snapshot)[0] if sort.endswith("tasks") else Counter[str]()
    keys: Mapping[str, Callable[[SessionRecord], Any]] = {
        "who": lambda session: (eyes.person(session.user) or "").casefold(),
        "seen": lambda session: session.last_seen_at,
        "page": lambda session: session.page or "",
        "connected": lambda session: session.connected_at,
        "tasks": lambda session: tasks[session.session_id],
        "took": lambda session: session.last_run_s or 0.0,
    }
    return sorted(sessions, key=keys[sort.removeprefix("-")], reverse=sort.startswith("-"))


def tasks_looked_at(snapshot: FleetSnapshot) -> str:
    """Return which tasks the counts of sessions and users are about: all there are, or the newest of them."""
    kept, known = sum(snapshot.counts.values()), len(snapshot.runs)
    every = formats.plural(max(kept, known), "task")
    return f"the newest {formats.number(known)} of {every}" if kept > known else every


def _task_counts(snapshot: FleetSnapshot) -> tuple[Counter[str], Counter[str]]:
    """Return how many known tasks each session has started, and how many of those are at work."""

    def count() -> tuple[Counter[str], Counter[str]]:
        started = Counter(run.session_id for run in snapshot.runs if run.session_id)
        live = Counter(run.session_id for run in snapshot.runs if run.session_id and not run.terminal)
        return started, live

    return _counts.get(snapshot.runs, "counts", count)


def _tasks_said(started: int, live: int) -> str:
    return "" if not started else f"{started}, {live} at work" if live else str(started)


def _row(session: SessionRecord, tasks: str, eyes: Eyes, pages: Mapping[str, str]) -> list[Cell]:
    ended = session.state.value == "ended"
    return [
        formats.session_ref(session.session_id),
        formats.person(eyes.person(session.user), observer=session.observer),
        session.state.value,
        (session.end_reason.value if session.end_reason else None) if ended else session.life.value,
        # in steps, so that a heartbeat alone does not make a new row
        session.last_seen_at // 5 * 5,
        page_shown(session, pages),
        formats.whole_duration((session.ended_at or session.last_seen_at) - session.connected_at)
        if ended
        else session.connected_at // 1,
        tasks,
        "running now" if session.running else formats.duration(session.last_run_s) if session.last_run_s else "",
        session.browser if eyes.person(session.browser) is not None else None,
        ["more"] if ended else ["end", "more"],
    ]


def page_shown(session: SessionRecord, pages: Mapping[str, str]) -> str | None:
    """Return the title of the page a session shows, its address where the title is not known here; "/" is the first."""
    if session.page is None:
        return None
    return pages.get(session.page, session.page or "/")


def one(snapshot: FleetSnapshot, ref: str) -> SessionRecord | None:
    """Return the session that an address names, also one that has ended; None when none or several are meant."""
    return _meant(snapshot.sessions, ref)


def resolve(snapshot: FleetSnapshot, refs: Sequence[str]) -> list[SessionRecord]:
    """Return the live sessions that the page named by ``refs``; an ambiguous or ended one is left out."""
    live = [session for session in snapshot.sessions if session.state.value != "ended"]
    return [session for ref in refs if (session := _meant(live, ref)) is not None]


def _meant(among: Sequence[SessionRecord], ref: str) -> SessionRecord | None:
    """Return the one session whose id begins so."""
    matches = [session for session in among if ref and session.session_id.startswith(ref)]
    return matches[0] if len(matches) == 1 else None


@dataclass(slots=True)
class Cost:
    """What the tasks of somebody cost."""

    sessions: int = 0
    live: int = 0
    tasks: int = 0
    failed: int = 0
    cpu_s: float = 0.0
    waits: list[float] = field(default_factory=list)

    @property
    def wait_s(self) -> float | None:
        """The median wait in the queue."""
        return sorted(self.waits)[len(self.waits) // 2] if self.waits else None

    def add(self, run: RunRecord) -> None:
        """Count a run in."""
        self.tasks += 1
        self.live += not run.terminal
        self.failed += run.state.value in ("error", "timed_out", "lost")
        self.cpu_s += run.cpu_s or 0.0
        if run.wait_s is not None:
            self.waits.append(run.wait_s)


def cost_of(runs: Iterable[RunRecord]) -> Cost:
    """Return what these runs cost together."""
    cost = Cost()
    for run in runs:
        cost.add(run)
    return cost


def users_shown(snapshot: FleetSnapshot, links: Links, eyes: Eyes) -> Table:
    """Return one row per user over all the tasks of the snapshot, made once for all who see them alike."""
    alike = ("users", eyes.mask, links.path("sessions"))
    return _lists.get(snapshot, alike, lambda: users_table(snapshot, snapshot.runs, links, eyes))


def users_table(snapshot: FleetSnapshot, runs: Sequence[RunRecord], links: Links, eyes: Eyes) -> Table:
    """Return one row per user: their sessions, their tasks and what those cost, the dearest first."""
    costs: dict[str, Cost] = defaultdict(Cost)
    for session in snapshot.sessions:
        if session.state.value == "connected" and session.user:
            costs[session.user].sessions += 1
    for run in runs:
        if run.user:
            costs[run.user].add(run)
    ranked = sorted(costs.items(), key=lambda pair: (-pair[1].cpu_s, pair[0]))
    columns = (
        Column(label="User", kind="link", href=links.to("sessions", who="all", user="") + _joined("user"), main=True),
        Column(label="Open tabs", end=True),
        Column(label="Tasks", kind="link", href=links.to("tasks", q="user:") + "{id}", end=True),
        Column(label="At work", end=True),
        Column(label="Failed", end=True),
        Column(label="CPU time", end=True),
        Column(label="Waited (median)", end=True),
    )
    shown = [(name, cost) for user, cost in ranked if (name := eyes.person(user))]
    return Table(label="Users", columns=columns, rows=[_user_row(name, cost) for name, cost in shown])


def _joined(name: str) -> str:
    return f"&{name}={{id}}"


def _user_row(name: str, cost: Cost) -> list[Cell]:
    return [
        name,
        name,
        formats.number(cost.sessions),
        formats.number(cost.tasks),
        formats.number(cost.live),
        formats.number(cost.failed),
        formats.duration(cost.cpu_s),
        formats.duration(cost.wait_s),
    ]


def callbacks_table(callbacks: Sequence[CallbackRecord]) -> Table:
    """Return the health of the session callbacks, the failing ones first."""
    ordered = sorted(callbacks, key=lambda one: (-one.failures, -one.dropped, -one.slow, one.name))
    columns = (
        Column(label="Callback", main=True),
        Column(label="On"),
        Column(label="For"),
        Column(label="Calls", end=True),
        Column(label="Failed", end=True),
        Column(label="Slow", end=True, help="Took longer than its time limit"),
        Column(label="Missed", end=True, help="Events it was never called with, because too many waited already"),
        Column(label="Last took", end=True),
        Column(label="Last error", wrap=True),
    )
    rows: list[list[Cell]] = [
        [
            f"{callback.name}/{callback.event}/{formats.session_ref(callback.session_id or '')}",
            callback.name,
            callback.event,
            "every session" if callback.session_id is None else formats.session_name(callback.session_id),
            formats.number(callback.calls),
            formats.number(callback.failures),
            formats.number(callback.slow),
            formats.number(callback.dropped),
            formats.duration(callback.last_s),
            callback.last_error,
        ]
        for callback in ordered
    ]
    return Table(label="Session callbacks", columns=columns, rows=rows)
