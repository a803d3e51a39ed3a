"""Filter and page number, both in the address."""

import streamlit as st

from octostar_runtime.ui.components.markup import link, text
from octostar_runtime.ui.console import Console
from octostar_runtime.ui.formats import number, plural


def text_filter(placeholder: str) -> str:
    """Draw the search box and return what is in it; it is the address's ``q``."""
    return (
        st.text_input(
            "Search",
            key="q",
            type="search",
            bind="query-params",
            placeholder=placeholder,
            label_visibility="collapsed",
            icon=":material/search:",
        )
        or ""
    )


def page_number(total: int, rows: int) -> int:
    """Return the page the address asks for, within what there is."""
    asked = st.query_params.get("page", "1")
    last = max(1, -(-total // rows))
    return min(max(int(asked) if asked.isdigit() else 1, 1), last)


def pager(console: Console, page_key: str, total: int, rows: int, what: str) -> None:
    """Draw where this page stands; arrows when there is more than one."""
    if not total:
        return
    page = page_number(total, rows)
    first, until = (page - 1) * rows + 1, min(page * rows, total)
    said = text(f"{number(first)} to {number(until)} of {plural(total, what)}")
    params = st.query_params.to_dict()
    for label, target in (("← Newer", page - 1), ("Older →", page + 1)):
        if 1 <= target <= -(-total // rows):
            said += link(label, console.links.to(page_key, **{**params, "page": "" if target == 1 else target}))
    st.html(f'<div class="oc oc-fresh oc-pager">{said}</div>')
