"""The banner before an idle stop: what stops, in how long, why, and a button that puts it off.

The seconds run in the browser; the server draws it once when the stop is announced and once when it is called off.
"""

import time
from functools import cache

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from octostar_runtime.errors import OctostarRuntimeError
from octostar_runtime.models.sessions import ComingStop
from octostar_runtime.sessions import SessionRegistry
from octostar_runtime.sessions.live_session import LiveSession

_KEPT_UNTIL = "octostar_kept_until"
_REFUSED = "octostar_not_kept"
_HTML = '<div class="stop" role="timer" aria-live="off"><b></b> <span></span></div>'
_CSS = """
.stop { padding: .7rem 1rem; border-radius: .5rem; font: inherit; color: var(--st-text-color);
  background: color-mix(in srgb, var(--st-orange-color, #ffa421) 18%, transparent); }
.stop b { font-variant-numeric: tabular-nums; }
"""
_SCRIPT = """
export default function ({ data, parentElement }) {
  const time = parentElement.querySelector("b"), said = parentElement.querySelector("span");
  const began = performance.now();
  said.textContent = data.text;
  const tick = () => {
    const left = Math.max(0, Math.round(data.left_s - (performance.now() - began) / 1000));
    const minutes = Math.floor(left / 60), seconds = String(left % 60).padStart(2, "0");
    time.textContent = left > 0 ? `${minutes}:${seconds}` : "Now";
  };
  tick();
  const timer = setInterval(tick, 1000);
  return () => clearInterval(timer);
}
"""


def draw(registry: SessionRegistry, session: LiveSession) -> None:
    """Draw what is about to stop; nothing when nothing is."""
    if until := st.session_state.pop(_KEPT_UNTIL, None):
        left = max(1, round((until - time.time()) / 60))
        st.toast(f"Kept awake for {left} minute{'' if left == 1 else 's'}")
    if refused := st.session_state.pop(_REFUSED, None):
        st.toast(str(refused))
    stops = registry.coming_stops.current()
    for stop in stops:
        _banner(registry, session, stop)


def _banner(registry: SessionRegistry, session: LiveSession, stop: ComingStop) -> None:
    offered = stop.may_keep_s is not None and registry.keep_awake is not None
    with st.container(key=f"octostar_stop_{stop.service.replace(':', '_')}"):
        words, button = st.columns([5, 1.4], vertical_alignment="center") if offered else (st.container(), None)
        with words:
            data = {"text": stop.text, "left_s": max(0.0, stop.stops_at - time.time())}
            _countdown()(key=f"octostar_countdown_{stop.service}_{stop.stops_at}", data=data)
        if button is not None:
            button.button(
                "Keep it awake",
                key=f"octostar_keep_{stop.service}_{stop.stops_at}",
                on_click=_keep,
                args=(registry, session),
                width="stretch",
            )


def _keep(registry: SessionRegistry, session: LiveSession) -> None:
    """Put it off; what became of it is said in the run that follows."""
    assert registry.keep_awake is not None
    record = session.snapshot()
    try:
        st.session_state[_KEPT_UNTIL] = registry.keep_awake(record.session_id, record.user or "somebody")
    except OctostarRuntimeError as error:
        st.session_state[_REFUSED] = str(error)
        return
    for stop in registry.coming_stops.current():  # the controller says the same within moments, to all pages
        registry.coming_stops.withdraw(stop.service)


@cache
def _countdown() -> ComponentRenderer:
    return st.components.v2.component("octostar_countdown", html=_HTML, css=_CSS, js=_SCRIPT)
