"""What every page of the console has around it: style, in-app links, header, choices, and the live part.

The live part is one fragment that runs again by itself. It only reads the frozen snapshot; while a confirm is open
it stands still.
"""

from collections.abc import Callable
from dataclasses import dataclass

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
    clicked, (name, target) = _mount(console)
    if clicked:
        go(console, clicked)
    if name and screen.pressed is not None:
        screen.pressed(name, target)
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


def _mount(console: Console) -> tuple[str, tuple[str, str]]:
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
        _choose("Refresh", "refresh", list(preferences.REFRESH))
        st.button("Refresh now", icon=":material/refresh:", key="oc_refresh", help="Refresh now (r)")
        _account(console)


def _choose(label: str, name: str, options: list[str]) -> None:
    key = f"oc_choose_{name}"
    if key not in st.session_state:
        st.session_state[key] = getattr(choices(), name)
    st.selectbox(
        label,
        options,
        key=key,
        on_change=_chosen,
        args=(name, key),
        label_visibility="collapsed",
        width=110,
        help="How often this page refreshes",
        format_func=lambda option: option if option == "Off" else f"Every {option}",
    )


def _chosen(name: str, key: str) -> None:
    changed = {"refresh": choices().refresh, "times": choices().times, name: st.session_state[key]}
    st.session_state[_CHOICES] = preferences.Preferences(**changed)


def _account(console: Console) -> None:
    who = console.principal
    with st.popover(who.name, icon=":material/account_circle:", key="oc_account"):
        st.caption(f"Signed in as {who.role.name.lower()}")
        key = "oc_choose_times"
        if key not in st.session_state:
            st.session_state[key] = choices().times
        st.segmented_control(
            "Times",
            list(preferences.TIMES),
            key=key,
            format_func=preferences.TIMES.__getitem__,
            required=True,
            on_change=_chosen,
            args=("times", key),
        )
        if st.button("Keyboard shortcuts", key="oc_help", icon=":material/keyboard:", type="tertiary"):
            _help()
        if console.sign_out is not None and st.button(
            "Sign out", key="oc_sign_out", icon=":material/logout:", type="tertiary"
        ):
            console.sign_out()
            st.rerun()


@st.dialog("Keyboard shortcuts")
def _help() -> None:
    st.markdown(KEYS)
