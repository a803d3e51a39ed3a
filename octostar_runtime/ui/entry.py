"""What the entry script of our own app does on each run: who is there, which pages exist, draw the one asked for."""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import partial
from pathlib import Path

import streamlit as st
from streamlit import Page

from octostar_runtime.models.access import Principal
from octostar_runtime.ui import openid
from octostar_runtime.ui.console import Console, Source
from octostar_runtime.ui.frame import choices
from octostar_runtime.ui.links import PAGES, Links
from octostar_runtime.ui.show_messages import show_messages

_console: ContextVar[Console] = ContextVar("octostar_console")
#: No icons: the list of pages travels with every refresh.
PATTERNS: Mapping[str, str] = {
    "patterns_initialization": "Initialization",
    "patterns_browser": "Browser interactions",
    "patterns_parallelism": "Parallelism",
    "patterns_backend": "Back-end service",
}


def run(folder: Path, *, source: Source | None = None, identify: Callable[[], Principal] | None = None) -> None:
    """Run the page that is asked for. ``folder`` holds the page scripts; the rest is given by tests only."""
    st.set_page_config(page_title="Octostar runtime", page_icon=":material/hub:", layout="wide")
    links = Links()
    pages = {name: _page(folder, name, links) for name in PAGES}
    patterns = [
        st.Page(folder / f"{name}.py", title=title, url_path=name)
        for name, title in PATTERNS.items()
        if (folder / f"{name}.py").exists()
    ]
    sections = {"Console": list(pages.values()), **({"Patterns": patterns} if patterns else {})}
    current = st.navigation(sections)
    if source is None or identify is None:
        source, identify = _of_this_process()
        show_messages()  # an operator's words, and what lets a reloaded tab keep its tasks
    chosen = choices()
    _console.set(
        Console(
            source=source,
            identify=identify,
            links=links,
            pages=pages,
            refresh_s=chosen.refresh_s,
            times=chosen.times,
            ways=source.access.ways,
            sign_out=partial(_sign_out, source, identify),
            other_titles=PATTERNS,
        )
    )
    current.run()


def console() -> Console:
    """Return the console of this run; for the page scripts."""
    return _console.get()


def _page(folder: Path, name: str, links: Links) -> Page:
    _, title, icon, _ = PAGES[name]
    return st.Page(
        folder / f"{links.path(name) or name}.py",
        title=title,
        icon=icon,
        url_path=links.path(name) or None,
        default=name == "overview",
        visibility="hidden" if name == "run" else "visible",
    )


def _sign_out(source: Source, identify: Callable[[], Principal]) -> None:
    source.access.sign_out(identify())
    openid.sign_out()


def _of_this_process() -> tuple[Source, Callable[[], Principal]]:
    from octostar_runtime.ui.identity import identifier
    from octostar_runtime.ui.source import runtime_source

    found = runtime_source()
    return found, identifier(found.runtime)
