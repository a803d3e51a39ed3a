"""Somebody else's app, a plain script, that mounts the console and has not said yet who may use it."""

import streamlit as st

from octostar_runtime.ui.mount import console_pages


def home() -> None:
    """Be the app's own page."""
    st.write("Our own page")


st.navigation({"Ours": [st.Page(home, title="Home", default=True)], "Operations": console_pages()}).run()
