"""Filter and page number, both in the address."""

import streamlit as st

from octostar_runtime.ui.components.blocks import pager_row
from octostar_runtime.ui.components.markup import link, text
from octostar_runtime.ui.console import Console
from octostar_runtime.ui.formats import number, plural

_BOX = "oc_q"
_SEEN = "octostar_q_seen"


def search_box(placeholder: str) -> str:
    """Draw the search box and return what is in it; the address has it as ``q``."""
    asked = st.query_params.get("q", "")
    if _BOX not in st.session_state or st.session_state.get(_SEEN) != asked:
        # the address changed under us: a link, or the browser's back button
        st.session_state[_BOX] = asked
        st.session_state[_SEEN] = asked
    with st.container(key="oc_search"):
        typed = st.text_input(
            "Search",
            key=_BOX,
            type="search",
            on_change=_typed,
            placeholder=placeholder,
            label_visibility="collapsed",
            icon=":material/search:",
            max_chars=1000,
        )
    return typed or ""


def _typed() -> None:
    """Put what was typed into the address; a new search starts on its first page."""
    text = st.session_state.get(_BOX) or ""
    kept = {key: value for key, value in st.query_params.to_dict().items() if key not in ("q", "page", "before")}
    st.query_params.from_dict({**kept, "q": text} if text else kept)
    st.session_state[_SEEN] = text


def page_number(total: int, rows: int, *, exact: bool = True) -> int:
    """Return the page the address asks for, within what there is."""
    asked = st.query_params.get("page", "1")
    wanted = max(int(asked) if asked.isdecimal() and len(asked) < 8 else 1, 1)
    return min(wanted, max(1, -(-total // rows))) if exact else wanted


def pager(console: Console, page_key: str, total: int, rows: int, what: str, *, exact: bool = True) -> str:
    """Return where this page stands, as markup; with arrows when there is more than one.

    Of a ``total`` that is not ``exact`` there are more, and nobody knows yet which page is the last.
    """
    if not total:
        return ""
    page = page_number(total, rows, exact=exact)
    first, until = (page - 1) * rows + 1, min(page * rows, total) if exact else page * rows
    of = plural(total, what) if exact else f"more than {plural(max(total, until), what)}"
    said = text(f"{number(first)} to {number(until)} of {of}")
    params = st.query_params.to_dict()
    for label, target in (("← Newer", page - 1), ("Older →", page + 1)):
        if target >= 1 and (not exact or target <= -(-total // rows)):
            said += link(label, console.links.to(page_key, **{**params, "page": "" if target == 1 else target}))
    return pager_row(said)
