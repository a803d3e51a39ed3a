"""The style sheet, the page's script and the table's, registered with Streamlit once per process."""

from functools import cache
from importlib.resources import files
from typing import Any

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

_FOLDER = files("octostar_runtime.ui") / "assets"
#: The page's script, in the order in which its parts need each other.
_PAGE = ("pieces.js", "times.js", "presses.js", "tables.js", "page.js")


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


def mount_page(data: dict[str, Any]) -> tuple[str, tuple[str, str]]:
    """Mount the page's script; return what was clicked in this very run: a link's address, a button and its target."""
    answer = page_script()(
        data=data, key="octostar_page", height="content", on_go_change=_nothing, on_act_change=_nothing
    )
    clicked = answer.get("act") or {}
    return str(answer.get("go") or ""), (str(clicked.get("name", "")), str(clicked.get("target", "")))


def mount_sign_in(link: str) -> None:
    """Mount the sign-in page's script: with a ``link`` it takes the browser there, then to the page it wanted."""
    sign_in_script()(data={"link": link}, key="octostar_sign_in", height="content")


def _nothing() -> None:
    """Streamlit asks for a callback to expect a value at all."""
