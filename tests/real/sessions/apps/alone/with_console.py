"""A plain script that works in the background and carries the console: nothing else sees its sessions."""

import time

import streamlit as st

import octostar_runtime as octostar


def work(task: octostar.TaskHandle) -> None:
    """Work until asked to stop."""
    while True:
        task.check()
        time.sleep(0.05)


def home() -> None:
    """What people come for."""
    st.title("Home")
    name = st.text_input("Name")
    if name:
        octostar.get_runtime().tasks.submit(f"work for {name}", work)
        st.write(f"working for {name}")


octostar.show_messages()
st.navigation(
    {
        "App": [st.Page(home, title="Home", default=True)],
        "Operations": octostar.console_pages(authorize=lambda: "operator"),
    }
).run()
