"""The page's line to the Octostar desktop, and the mark by which answers to :func:`ask_browser` are known.

The components of streamlit-octostar-research return None both before an answer and when the answer is nothing, lose
errors, and stop hearing when the first of their frames goes away. The script in ``assets/browser_line.js`` takes over
the page's end of the protocol (their own frames still do the asking); here the questions get their mark.
"""

import sys
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

MARK = "#answer"
_READY = "octostar_runtime.browser_line.ready"
# line breaks tell Streamlit that this is a style and not a file's name
_STYLE = """
[class*="st-key-octostar-browser"] {
  position: absolute;
  width: 0;
  height: 0;
  overflow: hidden;
}
"""
_LIBRARY = "streamlit_octostar_research"


@dataclass(slots=True)
class Asking:
    """One question while it is put: the element key it gets, and what was found out about it."""

    key: str
    marked: bool = field(default=False)
    lasting: bool = field(default=False)  # a subscription: answers may follow the first


_asking: ContextVar[Asking | None] = ContextVar("octostar_runtime.asking", default=None)


def mount_line() -> bool:
    """Put the line into the page; True once the browser has reported that it is there."""
    ready = line_ready()
    state = _line_component()(key="octostar-line", data={"ready": ready}, on_ready_change=_nothing)
    if state.get("ready") and not ready:
        st.session_state[_READY] = ready = True
    return ready


def line_ready() -> bool:
    """Whether this tab's browser has reported the line."""
    return bool(st.session_state.get(_READY, False))


def put(question: Callable[[], Any], asking: Asking) -> Any:
    """Call ``question`` so that the component it draws is keyed and its answers come wrapped."""
    _mark_components(question)
    token = _asking.set(asking)
    try:
        return question()
    finally:
        _asking.reset(token)


class MarkingComponent:
    """Stands in for a component function of the library; outside :func:`put` it changes nothing."""

    def __init__(self, component: Callable[..., Any]) -> None:
        self.component = component

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        asking = _asking.get()
        if asking is None:
            return self.component(*args, **kwargs)
        asking.marked = True
        asking.lasting = bool(kwargs.get("subscribe") or kwargs.get("listen"))
        for name in ("call", "subscribe", "listen"):
            if kwargs.get(name):
                kwargs[name] += MARK
        if not asking.lasting:
            kwargs["memo"] = True  # else the component calls again on every run while it waits
        return self.component(*args, **{**kwargs, "key": asking.key})


def _mark_components(question: Callable[[], Any]) -> None:
    names = [name for name in sys.modules if name.partition(".")[0] == _LIBRARY]
    for name in {*names, getattr(question, "__module__", "") or ""}:
        module = sys.modules.get(name)
        component = getattr(module, "_component_func", None)
        if component is not None and type(component).__name__ != MarkingComponent.__name__:
            vars(module)["_component_func"] = MarkingComponent(component)


@cache
def _line_component() -> Any:
    script = Path(__file__).parent / "assets" / "browser_line.js"
    return st.components.v2.component(
        "octostar_browser_line",
        js=script.read_text(encoding="utf-8"),
        css=_STYLE,
        isolate_styles=False,
    )


def _nothing() -> None:
    """A state value of a component needs a callback to exist."""
