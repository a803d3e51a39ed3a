"""Somebody else's app, a plain script, with the console in two lines of its navigation."""

import streamlit as st

import octostar_runtime
from octostar_runtime.ui.mount import console_pages


def work(task: octostar_runtime.TaskHandle) -> None:
    """Work for a while."""
    for _ in range(600):
        task.sleep(0.1)


def home() -> None:
    """Be the app's own page."""
    st.write("Our own page")
    st.write(f"from {octostar_runtime.__file__}")
    if st.button("Press"):
        st.session_state["pressed"] = True
    st.write(f"pressed={st.session_state.get('pressed', False)}")
    if st.button("Work"):
        octostar_runtime.get_runtime().tasks.submit("work", work, name="work")


def role() -> str | None:
    """Ask whoever signs people in to this app; here a parameter of the address."""
    return st.query_params.get("as")


st.navigation({"Ours": [st.Page(home, title="Home", default=True)], "Operations": console_pages(authorize=role)}).run()
