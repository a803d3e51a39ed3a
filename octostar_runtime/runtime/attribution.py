"""Sessions and this process's runtime: whose work a task is, and seeing sessions where there is a Streamlit server."""

import sys
from typing import TYPE_CHECKING

from octostar_runtime.tasks import SessionContext, install_session_provider

if TYPE_CHECKING:
    from octostar_runtime.runtime.composition import Runtime


def attribute_tasks_to_sessions() -> None:
    """Make submitted tasks know their session. Costs nothing in a process without Streamlit, now or later."""
    install_session_provider(_session_of_this_thread)


def see_sessions(runtime: "Runtime") -> None:
    """Let ``runtime`` see the sessions of this process's Streamlit server; does nothing where there is none yet."""
    if "streamlit.runtime" not in sys.modules:
        return
    from octostar_runtime.sessions import streamlit_bridge

    if streamlit_bridge.installed() is None:
        streamlit_bridge.install(runtime.sessions)


def _session_of_this_thread() -> SessionContext | None:
    if "streamlit.runtime" not in sys.modules:
        return None  # the API process must not import Streamlit only to learn that nobody runs a script here
    from octostar_runtime.sessions import streamlit_bridge

    found = streamlit_bridge.current_session()
    return None if found is None else SessionContext(session_id=found.session_id, user=found.user)
