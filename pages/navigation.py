"""The script Streamlit runs for every page: the documented skeleton of an app, with the console as its loop."""

from pathlib import Path

import streamlit as st

from octostar_runtime.ui import entry


def initialize() -> None:
    """Set up what this session keeps. update(), not assignment: assigning would share one dict between all users."""
    st.session_state.update(
        {
            "state": {},
            "input": {"user": {}, "workspaces": None},
            "initialized": True,
        }
    )


def loop() -> None:
    """Draw the page that is asked for."""
    entry.run(Path(__file__).parent)


if not st.session_state.get("initialized", False):
    initialize()
if st.session_state.get("initialized", False):
    loop()
