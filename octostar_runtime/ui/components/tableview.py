"""The table on the page: real rows in the document, ticked and acted upon by id, never by position."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from octostar_runtime.ui.components import assets
from octostar_runtime.ui.components.blocks import draw, empty, flush
from octostar_runtime.ui.tables import Column, RowAction, Table

#: Rows that one click may be about, and characters of an id: more was never drawn.
_MOST_ROWS, _LONGEST_ID = 200, 200
#: Ways one table is shown in that are kept.
_WAYS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class TableAnswer:
    """The action clicked in this very run, if any, and the rows it is about. Ticked rows stay in the browser."""

    action: str = ""
    targets: tuple[str, ...] = ()

    @property
    def target(self) -> str:
        """The one row, when the action is about one."""
        return self.targets[0] if len(self.targets) == 1 else ""


def _nothing() -> None:
    """Streamlit asks for a callback to expect a value at all."""


def table(
    view: Table,
    *,
    key: str,
    locked: str = "",
    sort_links: Mapping[str, tuple[str, str]] | None = None,
    none: tuple[str, str] = ("Nothing here", ""),
    foot: str = "",
) -> TableAnswer:
    """Draw ``view`` and return what was done with it.

    ``locked`` is why nothing may be done (buttons show it); ``sort_links`` maps a sort name to its address and
    "up", "down" or ""; ``none`` is what is said when there are no rows; ``foot`` is markup below the table, in the
    same element because each one costs on every refresh.
    """
    if not view.rows:
        empty(*none)
        if foot:
            draw(foot)
        return TableAnswer()
    flush()
    data = _sent(view, locked, sort_links or {}, foot)
    return _answer(assets.table()(data=data, key=key, on_act_change=_nothing).get("act"))


def _sent(view: Table, locked: str, sort_links: Mapping[str, tuple[str, str]], foot: str) -> bytes:
    """Return the table as it travels: bytes, in which Streamlit does not search for data frames on every refresh."""
    how = (locked, tuple(sort_links.items()), foot)
    sent = view.sent.get(how)
    if sent is None:
        if len(view.sent) >= _WAYS:
            view.sent.clear()
        said = json.dumps(_told(view, locked, sort_links, foot), separators=(",", ":"), ensure_ascii=False)
        sent = view.sent[how] = said.encode()
    return sent


def _told(view: Table, locked: str, sort_links: Mapping[str, tuple[str, str]], foot: str) -> dict[str, Any]:
    data: dict[str, Any] = {
        "label": view.label,
        "columns": [_column(column, sort_links) for column in view.columns],
        "rows": view.rows,
    }
    if view.actions:
        data["actions"] = [_action(action) for action in view.actions]
        data["locked"] = locked
    if view.bulk:
        data["bulk"] = [{**_action(action), "needs": action.needs} for action in view.bulk]
    if foot:
        data["foot"] = foot
    return data


def _answer(clicked: object) -> TableAnswer:
    """Return what was asked for, as far as it has the form of something that a table asks.

    A row may have left the page between its drawing and the click, so each screen looks the ids up anew; what a
    browser sends may be forged, and an id that nobody knows is nothing.
    """
    if not isinstance(clicked, Mapping) or not isinstance(clicked.get("ids"), list):
        return TableAnswer()
    targets = tuple(i for i in clicked["ids"][:_MOST_ROWS] if isinstance(i, str) and 0 < len(i) <= _LONGEST_ID)
    return TableAnswer(action=str(clicked.get("name", "")), targets=targets) if targets else TableAnswer()


def _action(action: RowAction) -> dict[str, str]:
    told = {"name": action.name, "label": action.label, "help": action.help}
    return {**told, "looks": "1"} if action.looks else told


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
