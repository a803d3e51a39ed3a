"""Small pieces of HTML. Everything that comes from data is escaped here and nowhere else."""

from html import escape

from octostar_runtime.ui.formats import whole_duration
from octostar_runtime.ui.words import Word


def text(value: object) -> str:
    """Return data as text that cannot become markup."""
    return escape("—" if value is None or value == "" else str(value))


def link(label: object, href: str, *, css: str = "") -> str:
    """Return a link that stays inside the session."""
    return f'<a class="oc {css}" href="{escape(href)}" data-nav>{text(label)}</a>'


def pill(word: Word) -> str:
    """Return a state: a dot, a colour and always the word."""
    return f'<span class="oc-pill {word.tone}">{text(word.label)}</span>'


def moment(at: float | None, *, clock: bool = False) -> str:
    """Return a time that the browser writes in the viewer's zone and way; ``clock`` keeps it a time of day."""
    if at is None:
        return "—"
    return f'<time data-t="{at:.0f}"{" data-clock=1" if clock else ""}></time>'


def since(at: float | None, now: float) -> str:
    """Return a duration that goes on ticking in the browser."""
    if at is None:
        return "—"
    return f'<span class="oc-num" data-since="{at:.0f}">{whole_duration(now - at)}</span>'


def until(at: float | None, now: float) -> str:
    """Return a countdown that goes on ticking in the browser."""
    if at is None:
        return "—"
    return f'<span class="oc-num" data-until="{at:.0f}">{whole_duration(at - now)}</span>'


def copyable(shown: str, whole: str) -> str:
    """Return a text that is copied whole on a click."""
    return (
        f'<button type="button" class="oc-copy oc-mono" title="Copy" data-copy="{escape(whole)}">{text(shown)}</button>'
    )


def facts(*pairs: tuple[str, str]) -> str:
    """Return names and values side by side; the values are markup already."""
    body = "".join(f"<div><dt>{text(name)}</dt><dd>{value}</dd></div>" for name, value in pairs)
    return f'<dl class="oc-facts">{body}</dl>'
