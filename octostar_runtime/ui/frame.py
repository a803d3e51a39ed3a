"""What every page of the console has around it: style, in-app links, header, choices, and the live part.

The live part is one fragment that runs again by itself. It only reads the frozen snapshot; while a confirm is open
it stands still.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import streamlit as st

from octostar_runtime.models.access import Role
from octostar_runtime.ui import actions, preferences
from octostar_runtime.ui.components import assets, blocks
from octostar_runtime.ui.components.markup import moment
from octostar_runtime.ui.console import Console
from octostar_runtime.ui.links import PAGES
from octostar_runtime.ui.screens import sign_in

_CHOICES = "octostar_choices"
KEYS = """
| key | does |
|---|---|
| `/` | go to the search box |
| `r` | refresh now |
| `?` | this help |
| `g` then `o` `s` `t` `p` `n` `i` `h` `y` | Overview, Sessions, Tasks, Pool, Nodes, Idle shutdown, History, System |
"""


def choices() -> preferences.Preferences:
    """Return what this viewer chose, from the browser's memory the first time."""
    chosen = st.session_state.get(_CHOICES)
    if chosen is None:
        chosen = preferences.read(st.context.cookies.get(preferences.COOKIE))
        st.session_state[_CHOICES] = chosen
    return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """One page: ``top`` is drawn once per visit, ``body`` again with each refresh (once, when not ``live``).

    ``pressed(name, target)`` hears of buttons that were drawn as markup.
    """

    title: str
    subtitle: str
    body: Callable[[], None]
    top: Callable[[], None] | None = None
    pressed: Callable[[str, str], None] | None = None
    live: bool = True


def page(console: Console, screen: Screen) -> None:
    """Draw one page: header, body, and whatever is to be confirmed.

    Whoever is not signed in sees how to sign in, on every page and however they got there.
    """
    if console.principal.role < Role.VIEWER:
        sign_in.draw(console)
        return
    actions.arrived(screen.title)
    pressed = _mount(console)
    if pressed.go:
        go(console, pressed.go)
    if pressed.name == "help":
        _help()
    elif pressed.name and screen.pressed is not None:
        screen.pressed(pressed.name, pressed.target)
    _header(console, screen)
    if screen.top is not None:
        screen.top()
    refresh = choices().refresh_s if screen.live and not actions.pending() else None
    st.fragment(_guarded, run_every=refresh)(console, screen.body)
    actions.show(console)


def _guarded(console: Console, body: Callable[[], None]) -> None:
    if console.principal.role < Role.VIEWER:
        st.rerun()  # signed out meanwhile, here or elsewhere
    with blocks.sheet():
        _freshness(console)
        body()


def _freshness(console: Console) -> None:
    store = console.snapshot.store
    if store is not None and not store.ok:
        blocks.note("The store cannot be reached. This is what this process knows; history catches up.", "warn")
    updated = moment(console.snapshot.taken_at, clock=True)
    blocks.draw(f'<div class="oc-fresh">Updated {updated}{" · standing still" if actions.pending() else ""}</div>')


def _mount(console: Console) -> assets.Press:
    st.html(assets.stylesheet())
    return assets.mount_page(
        {
            "times": choices().times,
            "now": console.source.now(),
            "remember": choices().cookie(),
            "jumps": {key: console.links.to(name) for name, (_, _, _, key) in PAGES.items() if key},
        }
    )


def go(console: Console, href: str) -> None:
    """Open another page of the console without losing the session."""
    found = console.links.page_of(href)
    if found is not None and found[0] in console.pages:
        st.switch_page(console.pages[found[0]], query_params=found[1])


def _header(console: Console, screen: Screen) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="oc_head"):
        st.html(f'<h1 class="oc-title">{screen.title}</h1><div class="oc-sub">{screen.subtitle}</div>')
        _refresh_picker()
        st.button("Refresh now", icon=":material/refresh:", key="oc_refresh", help="Refresh now (r)")
        _account(console)


def _refresh_picker() -> None:
    key = "oc_choose_refresh"
    if key not in st.session_state:
        st.session_state[key] = choices().refresh
    st.selectbox(
        "How often this page refreshes",
        list(preferences.REFRESH),
        key=key,
        on_change=_chosen,
        args=(key,),
        label_visibility="collapsed",
        width=110,
        format_func=lambda option: option if option == "Off" else f"Every {option}",
    )


def _chosen(key: str) -> None:
    st.session_state[_CHOICES] = replace(choices(), refresh=st.session_state[key])


def _account(console: Console) -> None:
    """Draw the menu under the viewer's name."""
    who = console.principal
    options = {**{f"Times: {title.lower()}": name for name, title in preferences.TIMES.items()}, "Keyboard": "help"}
    if console.sign_out is not None:
        options["Sign out"] = "sign_out"
    chosen = st.menu_button(
        who.name,
        list(options),
        key="oc_account",
        icon=":material/account_circle:",
        help=f"Signed in as {who.role.name.lower()}",
    )
    if chosen is None:
        return
    if options[chosen] in preferences.TIMES:
        st.session_state[_CHOICES] = replace(choices(), times=options[chosen])
        st.rerun()
    elif options[chosen] == "help":
        _help()
    elif console.sign_out is not None:
        console.sign_out()
        st.rerun()


@st.dialog("Keyboard shortcuts")
def _help() -> None:
    st.markdown(KEYS)
