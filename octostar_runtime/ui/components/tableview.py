"""The table on the page: real rows in the document, ticked and acted upon by id, never by position."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from octostar_runtime.ui.components import assets
from octostar_runtime.ui.components.blocks import empty, flush
from octostar_runtime.ui.tables import Column, RowAction, Table


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
) -> TableAnswer:
    """Draw ``view`` and return what was done with it.

    ``locked`` is why nothing may be done (buttons show it); ``sort_links`` maps a sort name to its address and
    "up", "down" or ""; ``none`` is what is said when there are no rows.
    """
    if not view.rows:
        empty(*none)
        return TableAnswer()
    flush()
    data: dict[str, Any] = {
        "label": view.label,
        "columns": [_column(column, sort_links or {}) for column in view.columns],
        "rows": view.rows,
    }
    if view.actions:
        data["actions"] = [_action(action) for action in view.actions]
        data["locked"] = locked
    if view.bulk:
        data["bulk"] = [{**_action(action), "needs": action.needs} for action in view.bulk]
    # in a list: of a mapping, Streamlit examines each value for data frames, on every refresh
    return _answer(assets.table()(data=[data], key=key, on_act_change=_nothing).get("act"), set(view.ids))


def _answer(clicked: object, known: set[str]) -> TableAnswer:
    """Believe only ids that were drawn: what a browser sends may be forged."""
    if not isinstance(clicked, Mapping) or not isinstance(clicked.get("ids"), Sequence):
        return TableAnswer()
    targets = tuple(i for i in clicked["ids"] if isinstance(i, str) and i in known)
    return TableAnswer(action=str(clicked.get("name", "")), targets=targets) if targets else TableAnswer()


def _action(action: RowAction) -> dict[str, str]:
    return {"name": action.name, "label": action.label, "help": action.help}


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
