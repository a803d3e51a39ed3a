"""Whose work a task is: the Streamlit session in whose script, or callback, it was submitted."""

import sys

from octostar_runtime.tasks import SessionContext, install_session_provider


def attribute_tasks_to_sessions() -> None:
    """Make submitted tasks know their session. Costs nothing in a process without Streamlit, now or later."""
    install_session_provider(_session_of_this_thread)


def _session_of_this_thread() -> SessionContext | None:
    if "streamlit.runtime" not in sys.modules:
        return None  # the API process must not import Streamlit only to learn that nobody runs a script here
    from octostar_runtime.sessions import streamlit_bridge

    found = streamlit_bridge.current_session()
    return None if found is None else SessionContext(session_id=found.session_id, user=found.user)
