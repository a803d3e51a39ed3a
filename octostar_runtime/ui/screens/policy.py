"""The idle policy: one document, edited by this form, by the API and by a file. Two editors: the second is told."""

import json
from collections.abc import Callable
from typing import Any

import streamlit as st

from octostar_runtime.errors import OctostarRuntimeError, PolicyInvalid, VersionConflict
from octostar_runtime.idle.desk import DOCUMENT
from octostar_runtime.idle.policy import Policy
from octostar_runtime.ui import actions
from octostar_runtime.ui.components import blocks
from octostar_runtime.ui.components.markup import text
from octostar_runtime.ui.console import Console
from octostar_runtime.ui.queries import policy

_EDITED = "octostar_policy"


def draw(console: Console) -> None:
    """Draw the form."""
    doc, version = _edited(console)
    stored = _stored(console)[1]
    if stored != version:
        blocks.note(f"Version {stored} was saved meanwhile. You are editing version {version}.", "warn")
        if st.button("Load the newest", key="oc_policy_load"):
            st.session_state.pop(_EDITED, None)
            st.rerun()
    with st.form(f"oc_policy_{version}", border=True):
        written = _fields(console, doc, version)
        reason = st.text_input("Reason (optional)", max_chars=200, placeholder="Kept in the history")
        off = bool(console.locked)
        if st.form_submit_button("Save the policy", type="primary", disabled=off, help=console.locked or None):
            _save(console, lambda: policy.document(doc, written), version, reason)
    _versions(console)
    with st.expander("The whole document"):
        _whole(console, doc, version)


def _stored(console: Console) -> tuple[dict[str, Any], int]:
    found = console.source.documents.load(DOCUMENT)
    if found is None:
        return Policy().document(), 0
    return {**Policy().document(), **found[0]}, found[1]


def _edited(console: Console) -> tuple[dict[str, Any], int]:
    """Return the version this viewer began to edit."""
    if _EDITED not in st.session_state:
        st.session_state[_EDITED] = _stored(console)
    edited: tuple[dict[str, Any], int] = st.session_state[_EDITED]
    return edited


def _fields(console: Console, doc: dict[str, Any], version: int) -> policy.Written:
    mode = st.selectbox(
        "Mode", list(policy.MODES), index=list(policy.MODES).index(doc["mode"]), format_func=policy.MODES.__getitem__
    )
    blocks.heading("A service stops after it was quiet for", 'for example 5 min, 1 h, or "off"')
    idle_after = _idle_after(console, doc, version)
    blocks.heading("What keeps services up", "")
    switches = _in_columns(policy.SWITCHES, lambda where, name, label, told: where.toggle(label, doc[name], help=told))
    blocks.heading("How careful", "")
    durations = _in_columns(policy.DURATIONS, lambda where, name, label, told: _duration(where, doc, name, label, told))
    hours = st.text_area(
        "Hours in which everything stays up",
        policy.hours_text(doc["awake_schedule"]),
        placeholder="mon tue wed thu fri 07:30 - 19:00 Europe/Rome",
        help="One stretch a line: days, from, to, time zone",
        height=90,
    )
    with st.expander("More"):
        more = _in_columns(policy.MORE, lambda where, name, label, told: _duration(where, doc, name, label, told))
    return policy.Written(
        mode=mode, durations={**durations, **more}, switches=switches, idle_after=idle_after, hours=hours or ""
    )


def _in_columns(fields: tuple[tuple[str, str, str], ...], widget: Any) -> dict[str, Any]:
    left, right = st.columns(2)
    return {
        name: widget(left if index % 2 == 0 else right, name, label, told or None)
        for index, (name, label, told) in enumerate(fields)
    }


def _duration(where: Any, doc: dict[str, Any], name: str, label: str, told: str | None) -> str:
    return str(where.text_input(label, policy.in_words(doc[name]), help=told))


def _idle_after(console: Console, doc: dict[str, Any], version: int) -> dict[str, str]:
    """One field per service there is; what is in force now is the placeholder."""
    own = doc["services"]
    names = sorted({service.name for service in console.snapshot.services} | set(own))
    now = {service.name: service.idle_after_s for service in console.snapshot.services}
    columns = st.columns(3)
    written = {}
    for index, name in enumerate(names):
        value = (own.get(name) or {}).get("idle_after")
        written[name] = str(
            columns[index % 3].text_input(
                name,
                policy.in_words(value) if value is not None else "",
                placeholder=policy.in_words(now[name]) if name in now else "as for its kind",
                help="Empty: the usual time for its kind",
                key=f"oc_policy_{version}_{name}",  # what is typed stays while the time in force changes behind it
            )
        )
    return written


def _whole(console: Console, doc: dict[str, Any], version: int) -> None:
    """The document itself, for what the form has no field for, such as the settings of a single service."""
    with st.form(f"oc_policy_json_{version}", border=False):
        written = st.text_area(
            "As the API and the policy file have it",
            json.dumps(doc, indent=2),
            height=420,
            help='e.g. "services": {"model": {"idle_after": "10 min", "depends_on": ["scheduler"]}}',
        )
        off = bool(console.locked)
        if st.form_submit_button("Save the document", disabled=off, help=console.locked or None):
            _save(console, lambda: policy.read_document(written), version, "edited as a document")


def _save(console: Console, document: Callable[[], dict[str, Any]], version: int, reason: str) -> None:
    try:
        saved = console.source.operations.save_policy(document(), version, by=console.principal, reason=reason)
    except PolicyInvalid as error:
        for field, told in error.fields.items():
            blocks.note(f"{field.replace('_', ' ').replace('.', ': ')}: {told}", "bad")
        if not error.fields:
            blocks.note(str(error), "bad")
    except VersionConflict as error:
        blocks.note(f"Somebody saved version {error.current} first. Yours was not saved; load it and look.", "bad")
    except (OctostarRuntimeError, ValueError) as error:
        blocks.note(str(error), "bad")
    else:
        st.session_state.pop(_EDITED, None)
        actions.tell(f"Version {saved} is saved and takes effect at the next look")
        st.rerun()


def _versions(console: Console) -> None:
    saved = console.source.documents.history(DOCUMENT, limit=8)
    blocks.heading("Versions", "")
    if not saved:
        blocks.empty("Never changed", "The built-in policy is in force. Saved versions will be listed here.")
        return
    blocks.lines(
        [
            blocks.Line(mark=f"<b>{version}</b>", body=f"saved by {text(actor or 'the file at start')}", at=at)
            for version, at, actor, _ in saved
        ]
    )
