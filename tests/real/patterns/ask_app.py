"""A small app that talks to the desktop in every way the tests ask for."""

from functools import partial

import streamlit as st
from streamlit_octostar_research.desktop import get_item, get_open_workspace_ids, get_workspace, whoami

from octostar_runtime.ui.ask_browser import ask_browser


def first() -> None:
    st.title("First")
    st.session_state["seen"] = st.session_state.get("seen", [])
    seen = st.session_state["seen"]
    user, workspaces = ask_browser(whoami, get_open_workspace_ids, timeout_s=3)
    if not seen or seen[-1] != workspaces:
        seen.append(workspaces)
    st.write(f"user {user['username']}")
    st.write("open", "+".join(workspaces) or "none")
    st.write("history", " then ".join("+".join(each) for each in seen))
    st.write("again", ask_browser(whoami)["username"])
    st.button("Run again")


def second() -> None:
    st.title("Second")
    item = ask_browser(partial(get_item, "item-2"), timeout_s=3)
    st.write("item", item["entity_label"] if item else "nothing")
    st.write("user", ask_browser(whoami)["username"])


def third() -> None:
    st.title("Third")
    st.write(ask_browser(partial(get_workspace, "ws-404"), timeout_s=3))


def raw() -> None:
    st.title("Raw")
    value = get_open_workspace_ids()
    st.session_state["raw"] = [*st.session_state.get("raw", []), value]
    st.write("values", str(st.session_state["raw"]))


def home() -> None:
    st.title("Home")


pages = [
    st.Page(page, title=page.__name__.capitalize(), url_path=page.__name__) for page in (first, second, third, raw)
]
st.navigation([st.Page(home), *pages]).run()
