"""Idle shutdown: what state each service is in, what keeps it up, when it stops, and the policy behind it."""

from collections.abc import Callable

import streamlit as st

from octostar_runtime.errors import OctostarRuntimeError
from octostar_runtime.ui import actions, formats, frame, words
from octostar_runtime.ui.components import blocks
from octostar_runtime.ui.components.markup import facts, pill, since, text, until
from octostar_runtime.ui.console import Console
from octostar_runtime.ui.queries import services
from octostar_runtime.ui.screens import policy

_TABS = {"": "Services", "policy": "Policy", "log": "Logs"}


def draw(console: Console) -> None:
    """Draw the page."""
    tab = st.query_params.get("tab", "")
    body = {"policy": policy.draw, "log": _log}.get(tab, _services)
    frame.page(
        console,
        "Idle shutdown",
        "Services stop when nobody needs them",
        lambda: _body(console, tab, body),
        live=not tab,
    )


def _body(console: Console, tab: str, body: Callable[[Console], None]) -> None:
    blocks.tabs(
        [
            blocks.Tab(label=title, href=console.links.to("idle", tab=key), current=key == tab)
            for key, title in _TABS.items()
        ]
    )
    body(console)


def _services(console: Console) -> None:
    snapshot = console.snapshot
    mode = words.word(words.MODE, snapshot.policy_mode) if snapshot.policy_mode else None
    state = f"Policy {pill(mode)} version {snapshot.policy_version}" if mode else "No policy is in force yet"
    blocks.markup(f'<span class="oc-dim">{state}</span>')
    _hold(console)
    views = services.service_views(snapshot.services)
    if not views:
        blocks.empty("No services yet", "Task pools, caches, programs and what an app registers would be cards here.")
    for view in views:
        _card(console, view)


def _card(console: Console, view: services.ServiceView) -> None:
    now = console.source.now()
    off, why = bool(console.locked), console.locked or None
    with st.container(border=True, key=f"oc_service_{view.name}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            blocks.markup(
                f'<b>{text(view.name)}</b> <span class="oc-dim">{text(view.kind)}</span> {pill(view.word)} '
                f'<span class="oc-dim">for {since(view.since, now)}</span>'
            )
            with st.container(horizontal=True, width="content"):
                if view.can_start and st.button("Start now", key=f"oc_start_{view.name}", disabled=off, help=why):
                    actions.ask(actions.start_service(view.name))
                if view.can_stop and st.button("Stop now", key=f"oc_stop_{view.name}", disabled=off, help=why):
                    held = len(view.blockers) + view.hidden_blockers
                    actions.ask(actions.stop_service(view.name, held))
        if view.error:
            blocks.note(view.error, "bad")
        if view.stops_at is not None:
            blocks.markup(f"{text(view.sentence)} <b>{until(view.stops_at, now)}</b>", "oc oc-note warn")
        elif view.sentence:
            blocks.markup(text(view.sentence), "oc oc-dim")
        if view.blockers:
            _blockers(view)
        blocks.markup(facts(*((name, text(value)) for name, value in view.facts)))


def _blockers(view: services.ServiceView) -> None:
    lines = []
    for blocker in view.blockers:
        kind, label = services.blocker_text(blocker)
        lines.append(blocks.Line(mark=pill(words.Word(kind, "run")), body=text(label), at=blocker.since))
    if view.hidden_blockers:
        lines.append(blocks.Line(mark="", body=f"and {view.hidden_blockers} more"))
    blocks.lines(lines)


def _hold(console: Console) -> None:
    with st.popover("Keep everything awake", icon=":material/bolt:", key="oc_hold", disabled=bool(console.locked)):
        reason = st.text_input("Why", key="oc_hold_reason", max_chars=200, placeholder="Demo for the board")
        hours = st.segmented_control(
            "For", [1, 4, 12, 24], default=4, key="oc_hold_hours", format_func=lambda h: f"{h} h", required=True
        )
        if st.button("Keep awake", key="oc_hold_take", type="primary", disabled=not (reason or "").strip()):
            try:
                console.source.operations.hold(reason or "", float(hours or 4) * 3600, by=console.principal)
                st.toast(f"Everything stays awake for {formats.whole_duration(float(hours or 4) * 3600)}")
            except OctostarRuntimeError as error:
                blocks.note(str(error), "bad")


def _log(console: Console) -> None:
    names = [service.name for service in console.snapshot.services]
    if not names:
        blocks.empty("No services yet", "The newest lines of a service's log would be here.")
        return
    name = st.selectbox("Service", names, key="oc_log_of")
    try:
        said = console.source.operations.service_log(name, by=console.principal)
    except OctostarRuntimeError as error:
        blocks.note(str(error), "bad")
        return
    if said.strip():
        st.code(said, language=None, height=520)
    else:
        blocks.empty("Its log is empty", "The newest 500 lines it writes show here.")
