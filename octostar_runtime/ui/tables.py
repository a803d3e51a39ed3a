"""A table as a value: what it says, not how it is drawn.

Cells are small JSON values, because they travel with each refresh.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from octostar_runtime.ui.words import Word

Cell = str | float | list[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column.

    ``kind``: ``text``; ``link`` (``href`` with ``{id}`` or ``{v}``); ``place`` (a text, or a text and its address);
    ``state`` (a key of ``words``); ``since`` (a UTC second from which the browser counts up, or a text); ``time`` (a
    UTC second that has passed) and ``due`` (one that need not have); ``bar`` (0..1, or a text).
    """

    label: str
    kind: str = "text"
    href: str = ""
    words: Mapping[str, Word] = field(default_factory=dict)
    end: bool = False  # numbers: right-aligned
    main: bool = False  # the row's name, first on a narrow screen
    wrap: bool = False  # long text: over several lines instead of cut
    sort: str = ""  # what to sort by; empty when it cannot be sorted
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowAction:
    """A button that rows may carry, or that acts on ticked rows: then those that offer the action ``needs``."""

    name: str
    label: str
    help: str = ""
    needs: str = ""
    looks: bool = False  # it only looks, so whoever may read may press it


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Columns and rows; each row is its id, one cell per column and, with ``actions``, the names of those it offers."""

    label: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    actions: Sequence[RowAction] = ()
    bulk: Sequence[RowAction] = ()  # for ticked rows; with it, rows can be ticked
    #: As it travels, by how it is shown: one table goes to all who see the same, on each of their refreshes.
    sent: dict[Hashable, bytes] = field(default_factory=dict, compare=False, repr=False)
