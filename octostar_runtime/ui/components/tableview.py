"""The table on the page: real rows in the document, ticked and acted upon by id, never by position."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from octostar_runtime.ui.components import assets
from octostar_runtime.ui.components.blocks import empty
from octostar_runtime.ui.tables import Column, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class TableAnswer:
    """What the viewer did: the ids ticked, and the action clicked in this very run, if any."""

    picked: tuple[str, ...] = ()
    action: str = ""
    target: str = ""


def _nothing() -> None:
    """Streamlit asks for a callback to expect a value at all."""


def table(
    view: Table,
    *,
    key: str,
    locked: str = "",
    sort_links: Mapping[str, tuple[str, str]] | None = None,
    clear: int = 0,
    none: tuple[str, str] = ("Nothing here", ""),
) -> TableAnswer:
    """Draw ``view`` and return what was done with it.

    ``locked`` is why nothing may be done (buttons show it); ``sort_links`` maps a sort name to its address and
    "up", "down" or ""; a new ``clear`` unticks everything; ``none`` is what is said when there are no rows.
    """
    if not view.rows:
        empty(*none)
        return TableAnswer()
    data: dict[str, Any] = {
        "label": view.label,
        "columns": [_column(column, sort_links or {}) for column in view.columns],
        "rows": view.rows,
        "clear": clear,
    }
    if view.pick:
        data["pick"] = True
    if view.actions:
        data["actions"] = [{"name": a.name, "label": a.label, "help": a.help} for a in view.actions]
        data["locked"] = locked
    answer = assets.table()(data=data, key=key, on_picked_change=_nothing, on_act_change=_nothing)
    known = set(view.ids)
    clicked = answer.get("act") or {}
    target = str(clicked.get("id", ""))
    return TableAnswer(
        picked=_known(answer.get("picked"), known),
        action=str(clicked.get("name", "")) if target in known else "",
        target=target if target in known else "",
    )


def clear_picks(key: str) -> None:
    """Untick every row of the table drawn under ``key``, before it is drawn again."""
    st.session_state.pop(key, None)


def _known(ids: object, known: set[str]) -> tuple[str, ...]:
    """Keep the ids that were drawn: what a browser sends is not believed."""
    if not isinstance(ids, Sequence) or isinstance(ids, str):
        return ()
    return tuple(i for i in ids if isinstance(i, str) and i in known)


def _column(column: Column, sort_links: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    told: dict[str, Any] = {"label": column.label}
    if column.kind != "text":
        told["kind"] = column.kind
    for name in ("href", "end", "main", "wrap", "help"):
        if value := getattr(column, name):
            told[name] = value
    if column.words:
        told["words"] = {state: [word.label, word.tone] for state, word in column.words.items()}
    if column.sort in sort_links:
        told["sort"], told["sorted"] = sort_links[column.sort]
    return told
