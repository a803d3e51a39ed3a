"""System: the processes behind the console, the settings in force, sign-ins and API tokens."""

from collections.abc import Callable

import streamlit as st

from octostar_runtime.access import SCOPES
from octostar_runtime.errors import OctostarRuntimeError
from octostar_runtime.models.access import Role
from octostar_runtime.ui import actions, formats, frame, words
from octostar_runtime.ui.components import blocks
from octostar_runtime.ui.components.markup import facts, pill, text
from octostar_runtime.ui.components.tableview import table
from octostar_runtime.ui.console import Console
from octostar_runtime.ui.machine import Machine
from octostar_runtime.ui.queries import system
from octostar_runtime.ui.words import Word

_TABS = {"": "Processes", "settings": "Settings", "sign-ins": "Sign-ins", "tokens": "API tokens"}
_CARD = "oc oc-card"
#: Threads shown.
THREADS = 12
_MADE = "octostar_token"


def draw(console: Console) -> None:
    """Draw the page."""
    tab = st.query_params.get("tab", "")
    body = {"settings": _settings, "sign-ins": _sign_ins, "tokens": _tokens}.get(tab)
    frame.page(
        console,
        frame.Screen(
            title="System",
            subtitle="What the console itself runs on",
            top=lambda: _top(console, tab, body),
            body=(lambda: None) if body else lambda: _processes(console),
            live=body is None,
        ),
    )


def _top(console: Console, tab: str, body: Callable[[Console], None] | None) -> None:
    items = [
        blocks.Tab(label=title, href=console.links.to("system", tab=key), current=key == tab)
        for key, title in _TABS.items()
    ]
    blocks.tabs(items)
    if body is not None:
        body(console)


def _processes(console: Console) -> None:
    snapshot = console.snapshot
    parts = {node.pid: words.plain(words.NODE_KIND, node.kind) for node in snapshot.nodes}
    machine = console.source.machine()
    host, store = snapshot.host, snapshot.store
    blocks.tiles(
        [
            blocks.Tile(
                label="CPU",
                value=f"{host.cpu_percent:.0f} %" if host else "—",
                note=f"of the {host.scope}" if host else "",
                share=host.cpu_percent / 100 if host else None,
            ),
            blocks.Tile(
                label="Memory",
                value=formats.size(host.memory_used) if host else "—",
                note=f"of {formats.size(host.memory_limit)}, {host.scope}" if host else "",
                share=host.memory_used / host.memory_limit if host and host.memory_limit else None,
            ),
            blocks.Tile(
                label="Our processes",
                value=formats.size(sum(process.fair for process in machine.processes)),
                note=f"fair share of {formats.plural(len(machine.processes), 'process', 'processes')}",
            ),
            blocks.Tile(
                label="Disk",
                value=formats.size(machine.disk_used),
                note=f"of {formats.size(machine.disk_total)}",
                share=machine.disk_used / machine.disk_total if machine.disk_total else None,
            ),
        ]
    )
    if store is not None:
        state = pill(Word("Reachable", "ok") if store.ok else Word("Away", "bad"))
        pairs = (
            ("Store", text(system.without_password(store.url))),
            ("State", state),
            ("Waiting to be written", formats.number(store.buffered)),
            ("Could not be kept", formats.number(store.dropped)),
            ("Behind by", formats.duration(store.lag_s)),
            ("Notice", text(store.notice or store.error)),
        )
        blocks.heading("Store", "")
        blocks.markup(facts(*pairs), _CARD)
    blocks.heading("Processes", "of this machine; memory that Python has freed is often kept for later")
    table(system.processes_table(machine.processes, parts), key="oc_processes", foot=_below(machine))


def _below(machine: Machine) -> str:
    """Return what stands below the processes, as markup."""
    threads = facts(*((one.name, formats.duration(round(one.cpu_s, 1))) for one in machine.threads[:THREADS]))
    versions = facts(*((name, text(value)) for name, value in machine.versions))
    with blocks.collected() as parts:
        blocks.heading("Threads of this process", "the busiest first")
        blocks.markup(threads, _CARD)
        blocks.heading("Versions", "")
        blocks.markup(versions, _CARD)
    return "".join(parts)


def _settings(console: Console) -> None:
    blocks.markup("Each is an environment variable, read once at the start.", "oc oc-dim")
    table(system.settings_table(console.source.settings, console.eyes), key="oc_settings")


def _sign_ins(console: Console) -> None:
    who = console.principal
    try:
        found = console.source.access.sign_ins(by=who)
    except OctostarRuntimeError as error:
        blocks.note(str(error), "bad")
        return
    shown = "Everybody who is signed in to this console." if who.role is Role.ADMIN else "Where you are signed in."
    blocks.markup(shown, "oc oc-dim")
    view = system.credentials_table(found, tokens=False, mine=who.credential_id)
    answer = table(view, key="oc_sign_ins", none=("No sign-ins", "Sign-ins in force would be listed here."))
    chosen = next((one for one in found if one.credential_id == answer.target), None)
    if chosen is not None and answer.action:
        actions.ask(actions.end_sign_in(console.source.access, chosen.credential_id, chosen.subject))


def _tokens(console: Console) -> None:
    who, access = console.principal, console.source.access
    if who.role < Role.OPERATOR:
        blocks.note("Only operators may make API tokens.", "warn")
        return
    if made := st.session_state.pop(_MADE, None):
        blocks.note("Copy the token now. It is shown this once.", "ok")
        st.code(made, language=None)
    with st.form("oc_token", border=True):
        label = st.text_input("What it is for", max_chars=80, placeholder="nightly report")
        left, right = st.columns(2)
        roles = [role.name.lower() for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN) if role <= who.role]
        role = left.selectbox("Role", roles)
        days = right.selectbox("Good for", [1, 7, 30, 90, 365], index=2, format_func=lambda d: formats.plural(d, "day"))
        scopes = st.multiselect("Only for", sorted(SCOPES), placeholder="Everything its role may")
        if st.form_submit_button("Make a token", type="primary"):
            try:
                issued = access.make_token(
                    label=label, by=who, role=Role.named(role), scopes=scopes, ttl_s=days * 86_400.0
                )
                st.session_state[_MADE] = issued.secret
                st.rerun()
            except OctostarRuntimeError as error:
                blocks.note(str(error), "bad")
    found = access.tokens(by=who)
    view = system.credentials_table(found, tokens=True, mine=None)
    answer = table(view, key="oc_tokens", none=("No tokens", "Tokens for programs would be listed here."))
    chosen = next((one for one in found if one.credential_id == answer.target), None)
    if chosen is not None and answer.action:
        actions.ask(actions.revoke_token(access, chosen.credential_id, chosen.label))
