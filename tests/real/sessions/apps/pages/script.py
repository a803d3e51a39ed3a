"""The script of the test app: three pages, a form of widgets, a slow button, the operator's messages."""

import os
import time

import streamlit as st

from octostar_runtime.ui.show_messages import show_messages


def home() -> None:
    """A page with things to type and to press."""
    st.title("Home")
    name = st.text_input("Name")
    st.write(f"name={name}")
    st.session_state["pressed"] = st.session_state.get("pressed", 0)
    if st.button("Press"):
        st.session_state["pressed"] += 1
    st.write(f"pressed={st.session_state['pressed']}")
    if st.button("Slow"):
        for step in range(100):
            st.text(f"step {step}")
            time.sleep(0.05)
    st.write(f"query={st.query_params.get('q', '')}")


def reports() -> None:
    """Another page."""
    st.title("Reports")
    st.write(f"choice={st.text_input('Choice')}")
    st.write(f"query={st.query_params.get('q', '')}")


def console() -> None:
    """What an operator looks at: sessions here are observers."""
    st.title("Console")


if os.environ.get("TAPPED_MESSAGES"):
    show_messages()
page = st.navigation(
    [
        st.Page(home, title="Home", default=True),
        st.Page(reports, title="Reports", url_path="reports"),
        st.Page(console, title="Console", url_path="console_sessions"),
    ]
)
page.run()
