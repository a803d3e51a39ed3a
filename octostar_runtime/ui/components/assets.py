"""The style sheet, the page's script and the table's, registered with Streamlit once per process."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

_FOLDER = files("octostar_runtime.ui") / "assets"
#: The page's script, in the order in which its parts need each other.
_PAGE = ("pieces.js", "times.js", "presses.js", "tables.js", "page.js")
_PAGE_KEY = "octostar_page"
#: In a session's state: the number of the last press that was heard, and the press while no page has acted on it.
_HEARD, _PRESSED = "octostar_heard", "octostar_pressed"


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


@cache
def stylesheet() -> str:
    """Return the style sheet as an element."""
    return f"<style>{_read('console.css')}</style>"


@cache
def page_script() -> ComponentRenderer:
    """Return the component that carries the page's script."""
    return _component("octostar_console_page", *_PAGE)


@cache
def table() -> ComponentRenderer:
    """Return the component that draws a table."""
    return _component("octostar_console_table", "table.js")


@cache
def sign_in_script() -> ComponentRenderer:
    """Return the component that carries the sign-in page's script."""
    return _component("octostar_console_sign_in", "sign_in.js")


def _component(name: str, *scripts: str) -> ComponentRenderer:
    """Register a component whose script is made of files that are read as one."""
    script = "\n".join(map(_read, scripts))
    return st.components.v2.component(name, html="<div></div>", js=script, isolate_styles=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """What was pressed on the page: a link with the address ``go``, or a button's ``name`` and its ``target``."""

    go: str = ""
    name: str = ""
    target: str = ""


def mount_page(data: dict[str, Any]) -> Press:
    """Mount the page's script; return what was pressed since the last run, each press once."""
    page_script()(
        data={**data, "heard": st.session_state.get(_HEARD, 0)},
        key=_PAGE_KEY,
        height="content",
        on_go_change=_hear,
        on_act_change=_hear,
    )
    pressed: Press = st.session_state.pop(_PRESSED, Press())
    return pressed


def _hear() -> None:
    """Note a press before the run that it asks for: that run may be a fragment's alone, or be broken off.

    The browser says it again until a page tells it that it was heard; what was heard already is then nothing new.
    """
    said = st.session_state.get(_PAGE_KEY) or {}
    for told in (said.get("go"), said.get("act")):
        if not isinstance(told, Mapping):
            continue
        number = told.get("number")
        if isinstance(number, int):
            if number <= st.session_state.get(_HEARD, 0):
                continue
            st.session_state[_HEARD] = number
        parts = {name: str(told.get(name) or "") for name in ("href", "name", "target")}
        st.session_state[_PRESSED] = Press(go=parts["href"], name=parts["name"], target=parts["target"])


def mount_sign_in(link: str) -> None:
    """Mount the sign-in page's script: with a ``link`` it takes the browser there, then to the page it wanted."""
    sign_in_script()(data={"link": link}, key="octostar_sign_in", height="content")


def _nothing() -> None:
    """Streamlit asks for a callback to expect a value at all."""
