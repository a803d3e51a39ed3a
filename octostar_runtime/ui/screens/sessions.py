"""Sessions: every browser tab, every person, and the callbacks that follow them."""

import streamlit as st

from octostar_runtime.errors import OctostarRuntimeError
from octostar_runtime.models.access import Role
from octostar_runtime.models.sessions import SessionRecord
from octostar_runtime.ui import actions, formats, frame, words
from octostar_runtime.ui.components import blocks
from octostar_runtime.ui.components.markup import link, pill, until
from octostar_runtime.ui.components.markup import text as shown_text
from octostar_runtime.ui.components.tableview import table
from octostar_runtime.ui.console import Console
from octostar_runtime.ui.links import quoted
from octostar_runtime.ui.queries import sessions
from octostar_runtime.ui.screens.paging import page_number, pager, search_box

_TABLE = "oc_sessions"
_OPEN = "open"  # in the address: which session's drawer is open
ROWS = 50


def draw(console: Console) -> None:
    """Draw the page."""
    plain = "tab" in st.query_params
    frame.page(
        console,
        frame.Screen(
            title="Sessions",
            subtitle="One row per browser tab",
            top=None if plain else lambda: _top(console),
            body=lambda: _body(console),
            pressed=lambda name, target: _pressed(console, name, target),
        ),
    )
    ref = st.query_params.get(_OPEN, "")
    if ref and not plain and console.principal.role >= Role.VIEWER and not actions.pending():
        _drawer(console, ref)


def _top(console: Console) -> None:
    with st.container(horizontal=True, key="oc_top"):
        search_box("Search user, page, address, browser or session")
        if st.button(
            "Message everybody",
            key="oc_message_all",
            icon=":material/campaign:",
            disabled=bool(console.locked),
            help=console.locked or None,
        ):
            live = sum(1 for s in console.snapshot.sessions if s.state.value in ("connected", "dormant"))
            actions.ask(actions.message_sessions(None, live))


def _pressed(console: Console, name: str, target: str) -> None:
    """Act on a button of a lasting message; it is looked up anew, the browser is not believed."""
    notice = next((one for one in console.source.notices() if one.notice_id == target), None)
    if name == "withdraw" and notice is not None:
        actions.ask(actions.withdraw_notice(notice.notice_id, notice.text))


def _body(console: Console) -> None:
    tab = st.query_params.get("tab", "")
    _tabs(console, tab)
    if not tab:
        _notices(console)
    if tab == "users":
        _users(console)
    elif tab == "callbacks":
        _callbacks(console)
    else:
        _sessions(console)


def _notices(console: Console) -> None:
    """What newcomers are told, each with a button to take it back."""
    try:
        lasting = console.source.notices()
    except OctostarRuntimeError:
        return  # the page says above that the store cannot be reached
    now, lines = console.source.now(), []
    for notice in lasting:
        off = console.locked
        button = blocks.button(blocks.Button(name="withdraw", label="Withdraw", target=notice.notice_id, off=off))
        mark = pill(words.Word("Shown to newcomers", "warn" if notice.level != "info" else "run"))
        who = shown_text(console.eyes.person(notice.by) or "somebody")
        lines.append(
            f'<div>{mark}<span class="oc-grow">{shown_text(notice.text)} <span class="oc-dim">by {who}</span></span>'
            f'<span class="oc-dim">for another {until(notice.until, now)}</span>{button}</div>'
        )
    if lines:
        blocks.markup("".join(lines), "oc oc-list")


def _tabs(console: Console, tab: str) -> None:
    counts = sessions.group_counts(console.snapshot.sessions)
    who = st.query_params.get("who", "people")
    items = [
        blocks.Tab(
            label=title,
            count=counts[group],
            href=console.links.to("sessions", who=group),
            current=not tab and who == group,
        )
        for group, title in sessions.GROUPS.items()
    ]
    items.append(blocks.Tab(label="By user", href=console.links.to("sessions", tab="users"), current=tab == "users"))
    items.append(
        blocks.Tab(
            label="Callbacks",
            count=len(console.snapshot.callbacks),
            href=console.links.to("sessions", tab="callbacks"),
            current=tab == "callbacks",
        )
    )
    blocks.tabs(items)


def _sessions(console: Console) -> None:
    who = st.query_params.get("who", "people")
    who = who if who in sessions.GROUPS else "people"
    user, text = st.query_params.get("user", ""), st.query_params.get("q", "")
    sort = st.query_params.get("sort", sessions.DEFAULT_SORT)
    sort = sort if sort.removeprefix("-") in sessions.SORTS else sessions.DEFAULT_SORT
    found = sessions.listed(console.snapshot, console.eyes, who, text, user, sort)
    page = page_number(len(found), ROWS)
    if user:
        tasks, everybody = console.links.to("tasks", q=f"user:{quoted(user)}"), console.links.to("sessions", who=who)
        more = f"{link('Their tasks', tasks)} · " if console.eyes.all else ""
        blocks.markup(
            f"Only the sessions of <b>{shown_text(user)}</b>. {more}{link('Everybody', everybody)}", "oc oc-dim"
        )
    rows = slice((page - 1) * ROWS, page * ROWS)
    view = sessions.shown(console.snapshot, found, rows, console.links, console.eyes, console.titles)
    sort_links, foot = _sort_links(console, sort), pager(console, "sessions", len(found), ROWS, "session")
    answer = table(view, key=_TABLE, locked=console.locked, sort_links=sort_links, none=_none(who, text), foot=foot)
    if answer.action == "more":
        st.query_params[_OPEN] = answer.target
        st.rerun()
    if answer.action:
        _act(console, answer.action, sessions.resolve(console.snapshot, answer.targets))


def _sort_links(console: Console, sort: str) -> dict[str, tuple[str, str]]:
    kept = {key: value for key, value in st.query_params.to_dict().items() if key not in ("sort", "page", _OPEN)}
    links = {}
    for name in sessions.SORTS:
        falling = sort == f"-{name}"
        href = console.links.to("sessions", **{**kept, "sort": name if falling else f"-{name}"})
        links[name] = (href, "down" if falling else "up" if sort == name else "")
    return links


def _act(console: Console, action: str, picked: list[SessionRecord]) -> None:
    ids = [session.session_id for session in picked]
    if not ids:
        return
    if action == "end":
        actions.ask(actions.end_sessions(ids, _whose(picked, console)))
    elif action == "rerun":
        actions.ask(actions.rerun_sessions(ids))
    elif action == "stop":
        actions.ask(actions.stop_scripts(ids))
    elif action == "message":
        actions.ask(actions.message_sessions(ids, len(ids)))


def _none(who: str, text: str) -> tuple[str, str]:
    if text:
        return ("No session matches", "Clear the search to see all of them.")
    return {
        "people": ("Nobody is connected", "Each open browser tab of the app will be a row here."),
        "observers": ("Nobody watches", "Operators who have a page of this console open are listed here."),
        "away": ("Nobody is away", "Tabs that lost their connection, or were not touched for long, wait here."),
        "ended": ("No session has ended yet", "Sessions that ended stay here for a while."),
    }.get(who, ("No sessions yet", "Each open browser tab of the app will be a row here."))


def _whose(picked: list[SessionRecord], console: Console) -> str:
    if len(picked) != 1:
        return ""
    return f"the session of {console.eyes.person(picked[0].user) or formats.session_name(picked[0].session_id)}"


def _users(console: Console) -> None:
    snapshot = console.snapshot
    over = sessions.tasks_looked_at(snapshot)
    blocks.heading("What each user's work costs", f"over {over}; a name leads to sessions, a count to tasks")
    view = sessions.users_shown(snapshot, console.links, console.eyes)
    table(view, key="oc_users", none=("No user is known", "Users appear when people are signed in to the app."))


def _callbacks(console: Console) -> None:
    view = sessions.callbacks_table(console.snapshot.callbacks)
    none = ("No callbacks are registered", "Functions an app registers for session start, heartbeat or end show here.")
    table(view, key="oc_callbacks", none=none)


def _close() -> None:
    st.query_params.pop(_OPEN, None)


@st.dialog("Session", position="right", on_dismiss=_close)
def _drawer(console: Console, ref: str) -> None:
    from octostar_runtime.ui.screens.session_detail import body

    body(console, ref, _close)
