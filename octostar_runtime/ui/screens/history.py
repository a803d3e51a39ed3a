"""History: what happened, and who did what, why and when."""

from collections.abc import Sequence

import streamlit as st

from octostar_runtime.errors import OctostarRuntimeError
from octostar_runtime.models.events import Event
from octostar_runtime.ui import frame
from octostar_runtime.ui.components import blocks
from octostar_runtime.ui.components.markup import link, text
from octostar_runtime.ui.components.tableview import table
from octostar_runtime.ui.console import Console
from octostar_runtime.ui.queries import history
from octostar_runtime.ui.queries.nodes import name_of
from octostar_runtime.ui.screens import export
from octostar_runtime.ui.screens.paging import search_box

ROWS = 50
EXPORTED = 5_000


def draw(console: Console) -> None:
    """Draw the page."""
    frame.page(
        console,
        frame.Screen(
            title="History",
            subtitle="What happened, and who did what",
            top=lambda: _top(console),
            body=lambda: _body(console),
        ),
    )


def _top(console: Console) -> None:
    with st.container(horizontal=True, key="oc_top"):
        search_box("Search what it was about, who did it, or why")
        with st.popover("Export", icon=":material/download:", key="oc_export"):
            st.caption(f"The newest events that match, up to {EXPORTED:,}")
            export.files(lambda: [_row(event, console) for event in _find(console, limit=EXPORTED)], "history")


def _find(console: Console, *, limit: int, before: str | None = None) -> Sequence[Event]:
    asked = st.query_params
    console.eyes.check_event_search(asked.get("q", ""), asked.get("actor", ""))
    return console.source.find_events(
        kind=asked.get("kind", ""),
        actor=asked.get("actor", ""),
        text=asked.get("q", ""),
        audit=asked.get("audit", "") == "1",
        before=before,
        limit=limit,
    )


def _body(console: Console) -> None:
    asked = st.query_params
    before = asked.get("before") or None
    _tabs(console, asked.get("kind", ""), asked.get("audit", "") == "1")
    if actor := asked.get("actor", ""):
        blocks.markup(
            f"Only what <b>{text(actor)}</b> did. {link('Everybody', console.links.to('history'))}", "oc oc-dim"
        )
    try:
        events = _find(console, limit=ROWS + 1, before=before)
    except OctostarRuntimeError as error:
        blocks.note(str(error), "bad")
        return
    names = {node.node_id: name_of(node) for node in console.snapshot.nodes}
    none = ("Nothing found", "Take a filter away.") if set(asked) & {"q", "kind", "audit", "actor"} else _NONE
    view = history.shown(events, ROWS, console.eyes, names, console.links)
    table(view, key="oc_history", none=none, foot=_more(console, events, before))


_NONE = ("Nothing has happened yet", "Sessions, tasks, services and what operators do will be listed here.")


def _tabs(console: Console, kind: str, audit: bool) -> None:
    items = [
        blocks.Tab(label=title, href=console.links.to("history", kind=prefix), current=kind == prefix and not audit)
        for prefix, title in history.KINDS.items()
    ]
    items.append(blocks.Tab(label="By operators", href=console.links.to("history", audit="1"), current=audit))
    blocks.tabs(items)


def _more(console: Console, events: Sequence[Event], before: str | None) -> str:
    """Return the links to what is newer and older, as markup."""
    asked = {key: value for key, value in st.query_params.to_dict().items() if key != "before"}
    said = []
    if before:
        said.append(("← Newest", console.links.to("history", **asked)))
    if len(events) > ROWS:
        said.append(("Older →", console.links.to("history", **{**asked, "before": events[ROWS - 1].event_id})))
    return blocks.link_row(said) if said else ""


def _row(found: Event, console: Console) -> dict[str, object]:
    event = console.eyes.event(found)
    return {
        "at": event.at,
        "kind": event.kind,
        "subject": history.whole_subject(event),
        "actor": event.actor,
        "reason": event.reason,
        "details": history.detail(event),
        "node_id": event.node_id,
    }
