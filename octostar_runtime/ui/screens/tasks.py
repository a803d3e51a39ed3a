"""Tasks: tabs with counts, one search box, a page of rows, bulk actions, groups, export."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from octostar_runtime.errors import NotAllowed, OctostarRuntimeError, QueryInvalid
from octostar_runtime.models.runs import RunRecord
from octostar_runtime.operations.runs import BULK_LIMIT
from octostar_runtime.ui import actions, frame
from octostar_runtime.ui.components import blocks
from octostar_runtime.ui.components.tableview import table
from octostar_runtime.ui.console import Console
from octostar_runtime.ui.queries import nodes, task_groups, tasks
from octostar_runtime.ui.screens import export
from octostar_runtime.ui.screens import task_groups as grouped
from octostar_runtime.ui.screens.paging import page_number, pager, search_box

_TABLE = "oc_tasks"
#: What may be done to everything that matches -> whether that is about live runs
_ALL = {"Cancel all that match": True, "Retry all that match": False}
SYNTAX = """
`state:failed` `name:report*` `user:ada*` `session:3f9a` `node:` `pool:gpu` `tag:nightly` `error:timeout` `arg:sales`
`older:5m` (queued longer ago) · `longer:30s` (runs longer) · `-pool:gpu` leaves out · `"disk full"` these words
"""


def draw(console: Console) -> None:
    """Draw the page."""
    frame.page(
        console,
        frame.Screen(
            title="Tasks",
            subtitle="What waits, what runs, what became of it",
            top=lambda: _top(console),
            body=lambda: _body(console),
        ),
    )


def _top(console: Console) -> None:
    with st.container(horizontal=True, key="oc_top"):
        search_box("Search, e.g. user:ada* error:timeout -pool:gpu")
        wanted = _wanted()
        wrong = _wrong(console, wanted)
        why = console.locked or wrong or None
        chosen = st.menu_button(
            "All that match", list(_ALL), key="oc_all", icon=":material/checklist:", disabled=bool(why), help=why
        )
        if chosen is not None and not wrong:
            _ask_matching(console, wanted, live=_ALL[chosen])
        export.menu(console, wanted, wrong)
        with st.popover("", icon=":material/help:", key="oc_syntax", help="How to search"):
            st.markdown(SYNTAX)


def _body(console: Console) -> None:
    wanted = _wanted()
    _tabs(console, wanted)
    if wrong := _wrong(console, wanted):
        blocks.note(wrong, "bad")
        return
    group = st.query_params.get("group", "")
    if group in task_groups.TABS:
        grouped.draw(console, wanted, group)
    else:
        _rows(console, wanted)


def _wrong(console: Console, wanted: tasks.Wanted) -> str:
    """Return why this search cannot be done, or not by this viewer; empty when it can."""
    try:
        wanted.parsed()
        console.eyes.check_search(wanted.text)
    except (QueryInvalid, NotAllowed) as error:
        return str(error)
    return ""


def _wanted() -> tasks.Wanted:
    asked = st.query_params
    page = asked.get("page", "1")
    sort = asked.get("sort", tasks.DEFAULT_SORT)
    return tasks.Wanted(
        tab=asked.get("state", ""),
        text=asked.get("q", ""),
        sort=sort if sort.removeprefix("-") in tasks.SORTS else tasks.DEFAULT_SORT,
        page=max(1, int(page)) if page.isdecimal() and len(page) < 8 else 1,
    )


def _tabs(console: Console, wanted: tasks.Wanted) -> None:
    counts = tasks.tab_counts(console.snapshot.counts)
    group = st.query_params.get("group", "")
    items = [
        blocks.Tab(
            label=title,
            count=counts[tab],
            href=console.links.to("tasks", state=tab, q=wanted.text),
            current=not group and wanted.tab == tab,
        )
        for tab, (title, _) in tasks.TABS.items()
    ]
    for by, title in task_groups.TABS.items():
        href = console.links.to("tasks", group=by, state=wanted.tab, q=wanted.text)
        items.append(blocks.Tab(label=title, href=href, current=group == by))
    blocks.tabs(items)


def _rows(console: Console, wanted: tasks.Wanted) -> None:
    listed = tasks.from_snapshot(console.snapshot, wanted) or _from_archive(console, wanted)
    view = tasks.shown(listed, console.links, console.eyes, nodes.alive(console.snapshot))
    links, foot = (
        _sort_links(console, wanted),
        pager(console, "tasks", listed.total, wanted.rows, "task", exact=listed.exact),
    )
    answer = table(view, key=_TABLE, locked=console.locked, sort_links=links, none=_none(wanted), foot=foot)
    if answer.action:
        _act(console, answer.action, _named(console, listed.runs, answer.targets))


def _named(console: Console, listed: Sequence[RunRecord], run_ids: Sequence[str]) -> list[RunRecord]:
    """Return the runs a click was about; also those that newer ones have pushed from the page meanwhile."""
    known = {run.run_id: run for run in listed}
    found = []
    for run_id in run_ids:
        try:
            found.append(known.get(run_id) or console.source.run_detail(run_id, console.principal))
        except OctostarRuntimeError:
            continue  # not kept any more, or never there
    return found


def _from_archive(console: Console, wanted: tasks.Wanted) -> tasks.Listed:
    try:
        page = console.source.find_runs(wanted.query, limit=wanted.rows, offset=wanted.offset, sort=wanted.sort)
    except OctostarRuntimeError as error:
        blocks.note(str(error), "bad")
        return tasks.Listed(runs=(), total=0)
    if not page.runs and page.total and wanted.page > 1:
        # beyond the end: the list has become shorter, or the address was written by hand
        last = replace(wanted, page=page_number(page.total, wanted.rows))
        page = console.source.find_runs(last.query, limit=last.rows, offset=last.offset, sort=last.sort)
    return tasks.Listed(runs=page.runs, total=page.total, exact=page.exact)


def _none(wanted: tasks.Wanted) -> tuple[str, str]:
    if wanted.text:
        return ("No task matches", "Clear the search, or take a qualifier out of it.")
    return {
        "running": ("Nothing runs now", "Tasks at work show here with their progress."),
        "queued": ("Nothing waits", "Tasks that wait for a free worker show here."),
        "failed": ("Nothing has failed", "Tasks that failed, timed out or were lost show here with their error."),
    }.get(wanted.tab, ("No tasks yet", "Every task that the app submits will be a row here."))


def _sort_links(console: Console, wanted: tasks.Wanted) -> dict[str, tuple[str, str]]:
    links = {}
    for name in tasks.SORTS:
        falling = wanted.sort == f"-{name}"
        href = console.links.to("tasks", state=wanted.tab, q=wanted.text, sort=name if falling else f"-{name}")
        links[name] = (href, "down" if falling else "up" if wanted.sort == name else "")
    return links


def _act(console: Console, action: str, runs: Sequence[RunRecord]) -> None:
    alive = nodes.alive(console.snapshot)
    ids = [run.run_id for run in runs if action in tasks.offered(run, owner_alive=run.node_id in alive)]
    if not ids:
        actions.tell("Those tasks have moved on meanwhile; look again.")
        st.rerun()
    if action == "cancel":
        actions.ask(actions.cancel_runs(ids, runs[0].name))
    elif action == "hard_stop":
        actions.ask(actions.hard_stop_run(ids[0], runs[0].name))
    elif action == "retry":
        actions.ask(actions.retry_runs(ids, runs[0].name))


def _ask_matching(console: Console, wanted: tasks.Wanted, *, live: bool) -> None:
    """Count what the action can touch, now, and ask for exactly that many."""
    query = wanted.narrowed(live=live)
    try:
        total = console.source.count_runs(query)
    except OctostarRuntimeError as error:
        blocks.note(str(error), "bad")
        return
    if not total:
        blocks.note("No task that waits or runs matches." if live else "No task that has ended matches.")
        return
    if total > BULK_LIMIT:
        blocks.note(f"{total:,} tasks match. At most {BULK_LIMIT:,} are touched at once; narrow the search.", "warn")
        return
    actions.ask(actions.cancel_matching(query, total) if live else actions.retry_matching(query, total))
