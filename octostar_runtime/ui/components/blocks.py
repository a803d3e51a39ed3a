"""The blocks pages are made of: tiles, headings, notices, empty states, lists, tabs, buttons.

On a sheet, blocks that follow each other travel as one element: each element costs bytes and time on every refresh,
also when nothing in it has changed.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from html import escape

import streamlit as st

from octostar_runtime.ui.components.markup import link, moment, text

_sheet: ContextVar[list[str] | None] = ContextVar("octostar_sheet", default=None)


@contextmanager
def collected() -> Iterator[list[str]]:
    """Collect the blocks drawn inside without drawing them."""
    parts: list[str] = []
    token = _sheet.set(parts)
    try:
        yield parts
    finally:
        _sheet.reset(token)


@contextmanager
def sheet() -> Iterator[None]:
    """Collect the blocks drawn inside into as few elements as their order allows."""
    with collected():
        yield
        flush()


def flush() -> None:
    """Draw what the sheet has collected, before something else is drawn or to let it change by itself."""
    parts = _sheet.get()
    if parts:
        st.html(f'<div class="oc-sheet">{"".join(parts)}</div>')
        parts.clear()


def draw(body: str) -> None:
    """Put markup on the sheet, or on the page when there is none."""
    parts = _sheet.get()
    if parts is None:
        st.html(body)
    else:
        parts.append(body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A figure that leads to the list behind it. ``share`` (0..1) draws a meter; ``tone``: "", "warn" or "bad"."""

    label: str
    value: str
    note: str = ""
    href: str = ""
    tone: str = ""
    share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a list: a mark (markup), a sentence (markup) and a time."""

    mark: str
    body: str
    at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """One tab with its count; an address like any other."""

    label: str
    href: str
    count: int | None = None
    current: bool = False


def tiles(items: Sequence[Tile]) -> None:
    """Draw a row of tiles that wraps."""
    across = next((n for n in (6, 5, 4) if len(items) % n == 0), 5)
    draw(f'<div class="oc oc-tiles" style="--across:{across}">{"".join(_tile(item) for item in items)}</div>')


def _tile(item: Tile) -> str:
    meter = "" if item.share is None else _meter(item.share)
    inner = f"<span>{text(item.label)}</span><b>{text(item.value)}</b><i>{escape(item.note)}</i>{meter}"
    if not item.href:
        return f'<div class="oc-tile {item.tone}">{inner}</div>'
    return f'<a class="oc-tile {item.tone}" href="{escape(item.href)}" data-nav>{inner}</a>'


def _meter(share: float) -> str:
    bounded = min(max(share, 0.0), 1.0)
    tone = "bad" if bounded >= 0.95 else "warn" if bounded >= 0.8 else ""
    return f'<span class="oc-meter"><em class="{tone}" style="width:{bounded * 100:.0f}%"></em></span>'


def heading(title: str, note: str = "") -> None:
    """Draw a heading inside a page."""
    draw(f'<div class="oc-h" role="heading" aria-level="2">{text(title)}<small>{escape(note)}</small></div>')


def tabs(items: Sequence[Tab]) -> None:
    """Draw tabs with counts."""
    draw(f'<nav class="oc-tabs">{"".join(_tab(item) for item in items)}</nav>')


def _tab(item: Tab) -> str:
    current = ' aria-current="page"' if item.current else ""
    count = "" if item.count is None else f"<b>{item.count:,}</b>"
    return f'<a href="{escape(item.href)}" data-nav{current}>{text(item.label)}{count}</a>'


def lines(items: Sequence[Line]) -> None:
    """Draw a short list of things that happened or need a look."""
    body = "".join(
        f'<div>{item.mark}<span class="oc-grow">{item.body}</span>{moment(item.at) if item.at else ""}</div>'
        for item in items
    )
    draw(f'<div class="oc oc-list">{body}</div>')


def empty(title: str, hint: str) -> None:
    """Say what would be here."""
    draw(f'<div class="oc-empty"><b>{text(title)}</b>{text(hint)}</div>')


def note(message: str, tone: str = "") -> None:
    """Draw a sentence that matters now; ``message`` is plain text."""
    draw(f'<div class="oc-note {tone}" role="status">{text(message)}</div>')


def links(items: Sequence[tuple[str, str]]) -> None:
    """Draw links side by side: (label, address)."""
    draw(link_row(items))


def link_row(items: Sequence[tuple[str, str]]) -> str:
    """Return links side by side as markup: (label, address)."""
    return pager_row("".join(link(label, href) for label, href in items))


def pager_row(said: str) -> str:
    """Return the small line below a list as markup."""
    return f'<div class="oc oc-fresh oc-pager">{said}</div>'


def outside_link(label: str, href: str, hint: str) -> None:
    """Draw a link that leaves the console, into a tab of its own."""
    draw(
        f'<div class="oc oc-fresh oc-pager"><a href="{escape(href)}" target="_blank" rel="noopener noreferrer">'
        f"{text(label)} ↗</a> <small>{text(href)}, {text(hint)}</small></div>"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A button that lives in markup; its click arrives as (name, target). ``off`` is why it cannot be pressed."""

    name: str
    label: str
    target: str = ""
    off: str = ""
    main: bool = False


def button(item: Button) -> str:
    """Return a button as markup."""
    off = f' disabled title="{escape(item.off)}"' if item.off else ""
    css = "oc-act main" if item.main else "oc-act"
    return (
        f'<button type="button" class="{css}" data-act="{escape(item.name)}" data-target="{escape(item.target)}"{off}>'
        f"{text(item.label)}</button>"
    )


def buttons(items: Sequence[Button]) -> None:
    """Draw buttons side by side."""
    if items:
        draw(f'<div class="oc-buttons">{"".join(map(button, items))}</div>')


def code(body: str, label: str) -> None:
    """Draw text as it is, with a button that copies all of it."""
    draw(
        f'<div class="oc-code"><button type="button" class="oc-act" data-copy-next>Copy</button>'
        f'<pre tabindex="0" aria-label="{escape(label)}">{escape(body)}</pre></div>'
    )


def progress(share: float, said: str) -> None:
    """Draw how far something is."""
    bounded = min(max(share, 0.0), 1.0)
    draw(f'<div class="oc-progress">{text(said)}<span><em style="width:{bounded * 100:.0f}%"></em></span></div>')


def markup(body: str, css: str = "oc") -> None:
    """Draw markup that was put together from escaped pieces."""
    draw(f'<div class="{css}">{body}</div>')
