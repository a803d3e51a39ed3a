"""Sessions: every browser tab, every person, and the callbacks that follow them."""

import streamlit as st

from octostar_runtime.errors import OctostarRuntimeError
from octostar_runtime.models.sessions import SessionRecord
from octostar_runtime.ui import actions, formats, frame
from octostar_runtime.ui.components import blocks
from octostar_runtime.ui.components.tableview import table
from octostar_runtime.ui.console import Console
from octostar_runtime.ui.queries import sessions
from octostar_runtime.ui.screens.paging import page_number, pager, search_box

_TABLE = "oc_sessions"
_OPEN = "octostar_session"
ROWS = 50


def draw(console: Console) -> None:
    """Draw the page."""
    frame.page(console, "Sessions", "One row per browser tab", lambda: _body(console))
    ref = st.session_state.get(_OPEN)
    if ref and not actions.pending():
        _drawer(console, ref)


def _body(console: Console) -> None:
    tab = st.query_params.get("tab", "")
    _tabs(console, tab)
    if tab == "users":
        _users(console)
    elif tab == "callbacks":
        _callbacks(console)
    else:
        _sessions(console)


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
    user = st.query_params.get("user", "")
    text = search_box("Search user, page, address, browser or session")
    found = sessions.matching(console.snapshot, who, text, user)
    page = page_number(len(found), ROWS)
    shown = found[(page - 1) * ROWS : page * ROWS]
    if user:
        blocks.note(f"Only {console.eyes.person(user)}")
    view = sessions.table(console.snapshot, shown, console.links, console.eyes, console.titles)
    above = st.container(horizontal=True, key="oc_bulk")
    answer = table(view, key=_TABLE, locked=console.locked, none=_none(who, text))
    pager(console, "sessions", len(found), ROWS, "session")
    if answer.action == "end":
        picked = sessions.resolve(console.snapshot, [answer.target])
        actions.ask(actions.end_sessions([s.session_id for s in picked], _whose(picked, console)))
    if answer.action == "more":
        st.session_state[_OPEN] = answer.target
        st.rerun()
    with above:
        _bulk(console, answer.picked)


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


def _bulk(console: Console, refs: tuple[str, ...]) -> None:
    picked = sessions.resolve(console.snapshot, refs)
    ids = [session.session_id for session in picked]
    live = [s.session_id for s in console.snapshot.sessions if s.state.value in ("connected", "dormant")]
    off = bool(console.locked) or not ids
    why = console.locked or ("" if ids else "Tick sessions first")
    if st.button(f"End {formats.plural(len(ids), 'session')}", key="oc_end", disabled=off, help=why or None):
        actions.ask(actions.end_sessions(ids, _whose(picked, console)))
    if st.button("Rerun", key="oc_rerun", disabled=off, help=why or None):
        actions.ask(actions.rerun_sessions(ids))
    if st.button("Stop scripts", key="oc_stop", disabled=off, help=why or None):
        actions.ask(actions.stop_scripts(ids))
    with st.popover("Send a message", key="oc_message", disabled=bool(console.locked), help=console.locked or None):
        _message(console, ids, len(live))


def _message(console: Console, ids: list[str], live: int) -> None:
    to_all = not ids
    st.caption(f"To {formats.plural(live, 'connected session')}" if to_all else f"To {len(ids)} ticked")
    text = st.text_area("Message", key="oc_message_text", max_chars=500, placeholder="Maintenance starts at 18:00.")
    level = st.segmented_control("Kind", ["info", "warning"], default="info", key="oc_message_level", required=True)
    label = "Send to everybody" if to_all else "Send"
    if st.button(label, key="oc_send", type="primary", disabled=not (text or "").strip()):
        try:
            outcomes = console.source.operations.message_sessions(
                ids or None, text or "", level or "info", by=console.principal
            )
            st.toast(f"Sent to {sum(1 for outcome in outcomes if outcome.ok)}")
        except OctostarRuntimeError as error:
            blocks.note(str(error), "bad")


def _users(console: Console) -> None:
    snapshot = console.snapshot
    blocks.note(
        "What each user's work costs, over the tasks this page knows. A name leads to sessions, a count to tasks."
    )
    view = sessions.users_table(snapshot, snapshot.runs, console.links, console.eyes)
    table(view, key="oc_users", none=("No user is known", "Users appear when people are signed in to the app."))


def _callbacks(console: Console) -> None:
    view = sessions.callbacks_table(console.snapshot.callbacks)
    none = ("No callbacks are registered", "Functions an app registers for session start, heartbeat or end show here.")
    table(view, key="oc_callbacks", none=none)


def _close() -> None:
    st.session_state.pop(_OPEN, None)


@st.dialog("Session", position="right", on_dismiss=_close)
def _drawer(console: Console, ref: str) -> None:
    from octostar_runtime.ui.screens.session_detail import body

    body(console, ref, _close)
