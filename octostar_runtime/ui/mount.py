"""Put the console into another app, in two lines of its ``st.navigation``::

    from octostar_runtime.ui.mount import console_pages

    page = st.navigation({"My app": [home], "Operations": console_pages(authorize=my_role)})
    page.run()

``authorize()`` is asked on each run and each refresh, in the viewer's own script run (``st.user`` and
``st.context`` are there); it returns "viewer", "operator", "admin" or None. Until it says who, nobody is anything.
"Clear cache" of Streamlit's own menu, which empties the caches of all users, is then for operators only.
"""

from collections.abc import Callable
from functools import partial
from importlib import import_module

import streamlit as st
from streamlit import Page

from octostar_runtime.models.access import ANONYMOUS, Principal, Role
from octostar_runtime.sessions import streamlit_bridge
from octostar_runtime.ui.console import Console, Source
from octostar_runtime.ui.developer_menu import DeveloperMenu
from octostar_runtime.ui.frame import choices
from octostar_runtime.ui.links import PAGES, Links

Authorize = Callable[[], str | Role | None]
_menu = DeveloperMenu()


def console_pages(
    *, authorize: Authorize | None = None, prefix: str = "console", source: Source | None = None
) -> list[Page]:
    """Return the console's pages for ``st.navigation``.

    ``prefix`` begins their addresses (``/console``, ``/console-tasks``, ...). ``source`` is for tests; without it the
    console shows the runtime of this process, which is started when it was not.
    """
    links = Links(prefix)
    read = source or _source_of_this_process(links)
    identify = partial(_identify, authorize)
    _menu.saw(streamlit_bridge.current_session(), _role(identify))
    pages: dict[str, Page] = {}

    def draw(name: str) -> None:
        chosen = choices()
        console = Console(
            source=read,
            identify=identify,
            links=links,
            pages=pages,
            refresh_s=chosen.refresh_s,
            times=chosen.times,
            mounted=True,
        )
        import_module(f"octostar_runtime.ui.screens.{name}").draw(console)

    for name, (_, title, icon, _) in PAGES.items():
        pages[name] = st.Page(
            partial(draw, name),
            title=title if name != "overview" else "Console",
            icon=icon,
            url_path=links.path(name),
            visibility="hidden" if name == "run" else "visible",
        )
    return list(pages.values())


def _role(identify: Callable[[], Principal]) -> Role:
    """Return what this viewer is; an ``authorize`` that fails must not take the app's own pages with it."""
    try:
        return identify().role
    except Exception:  # noqa: BLE001 - it is told on the console's own pages
        return Role.NOBODY


def _identify(authorize: Authorize | None) -> Principal:
    """Return who this viewer is; a role that is none, and an ``authorize`` that fails, are nobody."""
    if authorize is None:
        return ANONYMOUS
    told = authorize()
    if told is None:
        return ANONYMOUS
    role = told if isinstance(told, Role) else Role.named(told)
    return Principal(name=_name(), role=role, via="app") if role > Role.NOBODY else ANONYMOUS


def _name() -> str:
    """Return the name under which an operator's actions are recorded."""
    user = st.user.to_dict() if hasattr(st.user, "to_dict") else {}
    return str(user.get("email") or user.get("name") or "an operator of this app")


def _source_of_this_process(links: Links) -> Source:
    from octostar_runtime.ui.source import runtime_source

    found = runtime_source()
    found.runtime.sessions.set_console_pages(links.is_page)
    _menu.guard(found.runtime.sessions)
    return found
