import streamlit as st


def initialize():
    st.session_state.update(
        {
            "state": dict(),
            "input": {"user": st.query_params["user"], "workspaces": None},
            "initialized": True,
        }
    )


def loop():
    st.write(f"Signed in as {st.session_state['input']['user']}")


if not st.session_state.get("initialized", False):
    initialize()
if st.session_state.get("initialized", False):
    loop()
