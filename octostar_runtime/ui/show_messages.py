"""One line for an app: show what operators have to say, count down to an idle stop, let a reload keep its tasks.

    from octostar_runtime.ui.show_messages import show_messages

    show_messages()        # anywhere in the script; once per run

It is a fragment of its own. Nothing polls: when an operator leaves a message, the server reruns this fragment alone.
News are toasts; warnings and errors stay as banners until dismissed. Before the idle policy stops something that
people would miss, a banner counts down (in the browser, without asking the server) and offers to keep it awake.

It also keeps the tab's token: each session has a random one, which a tiny script writes into the tab's
``sessionStorage``. After a reload the script finds the token of the session before and reports it, and the new
session takes over that one's tasks. A duplicated tab finds it too, but the session it belongs to is still
connected and keeps what is its own.
"""

from collections.abc import Callable
from functools import cache

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from octostar_runtime.models.sessions import OperatorMessage
from octostar_runtime.sessions import SessionRegistry, streamlit_bridge
from octostar_runtime.sessions.live_session import LiveSession
from octostar_runtime.ui import coming_stops

_BANNERS = "octostar_banners"
_KEPT_BANNERS = 5
_ICONS = {"info": "📣", "warning": "⚠️", "error": "🛑"}
_TOKEN_SCRIPT = """
export default function ({ data, setTriggerValue }) {
  const place = "octostar-tab";
  let before = null;
  try {
    before = window.sessionStorage.getItem(place);
    window.sessionStorage.setItem(place, data.token);
  } catch (error) {
    return; // storage is switched off: a reload is then simply a new session
  }
  if (before && before !== data.token) setTriggerValue("before", before);
}
"""
_STYLE = "<style>.st-key-octostar_tab { position: absolute; width: 0; height: 0; overflow: hidden; }</style>"


def show_messages() -> None:
    """Draw operators' messages here, now and whenever one comes. Does nothing outside a Streamlit server."""
    if not streamlit_bridge.available():
        return
    if streamlit_bridge.installed() is None:
        from octostar_runtime.runtime import get_runtime

        streamlit_bridge.install(get_runtime().sessions)
    _inbox()


@st.fragment
def _inbox() -> None:
    bridge = streamlit_bridge.installed()
    session = bridge.open_inbox() if bridge is not None else None
    if bridge is None or session is None:
        return
    _keep_token(bridge.registry, session)
    withdrawn = bridge.registry.notices.is_withdrawn
    for message in session.mailbox.take():
        if message.countdown or withdrawn(message.notice_id):
            continue  # the banner below shows it; or it is no longer true
        if message.level == "info" and not message.sticky:
            st.toast(message.text, icon=_ICONS["info"], duration="long")
        else:
            _banners().append(message)
    _draw_banners(withdrawn)
    coming_stops.draw(bridge.registry, session)


def _keep_token(registry: SessionRegistry, session: LiveSession) -> None:
    with st.container(key="octostar_tab"):
        st.html(_STYLE)
        answer = _token_component()(
            key="octostar_tab_token", data={"token": session.token}, height="content", on_before_change=_nothing
        )
    before = answer.get("before")
    if isinstance(before, str) and before:
        registry.adopt(session.session_id, before)


def _draw_banners(withdrawn: Callable[[str], bool]) -> None:
    kept = [message for message in _banners() if not withdrawn(message.notice_id)]
    _banners()[:] = kept
    for place, message in enumerate(_banners()[-_KEPT_BANNERS:]):
        text = f"{_ICONS.get(message.level, _ICONS['info'])} {message.text}"
        shown = st.error if message.level == "error" else st.warning if message.level == "warning" else st.info
        words, button = st.columns([12, 1], vertical_alignment="center")
        with words:
            shown(text)
        button.button(
            "✕", key=f"octostar_dismiss_{place}_{message.at}", help="Dismiss", on_click=_dismiss, args=(message,)
        )


def _banners() -> list[OperatorMessage]:
    banners: list[OperatorMessage] = st.session_state.setdefault(_BANNERS, [])
    del banners[:-_KEPT_BANNERS]
    return banners


def _dismiss(message: OperatorMessage) -> None:
    banners = _banners()
    if message in banners:
        banners.remove(message)


def _nothing() -> None:
    """Streamlit asks for a callback to expect a value at all."""


@cache
def _token_component() -> ComponentRenderer:
    return st.components.v2.component("octostar_tab_token", html="<div></div>", js=_TOKEN_SCRIPT)
