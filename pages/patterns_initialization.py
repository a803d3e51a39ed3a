"""Patterns · Initialization: prepare a session once, then draw it on every run.

The page follows the pattern it explains: ``initialize()`` once per session, ``loop()`` on every run.
"""

from datetime import UTC, datetime
from typing import Any

import streamlit as st

from octostar_runtime.ui.patterns import (
    TwoUsersFailed,
    UserView,
    do,
    dont,
    page_head,
    run_two_users,
    show_part,
    show_source,
    why,
)
from octostar_runtime.ui.patterns.two_users import EXAMPLES

DEMO = "initialization_demo"  # the page's own corner of the session state
VIEWS = "initialization_views"


def initialize() -> None:
    st.session_state.update(
        {
            DEMO: {
                "state": {"initialized_at": datetime.now(UTC), "runs": 0},
                "input": {"user": {}, "workspaces": None},
                "initialized": True,
            }
        }
    )


def loop() -> None:
    state = st.session_state[DEMO]["state"]
    state["runs"] += 1
    page_head(
        "Initialization",
        "Prepare what a session needs once, in `initialize()`; draw it on every run, in `loop()`.",
    )
    live_demo(state)
    own_values()
    st.subheader("Two users open the same app", anchor=False)
    two_users()
    why(
        "Streamlit runs the script anew on every click, so what is costly or must be remembered belongs in a guarded "
        "`initialize()`.",
        "Assigning `st.session_state = {…}` replaces the doorway to all sessions by one plain dictionary that every "
        "user of the server shares: what Ada typed is shown to Ben.",
        "`st.session_state.update({…})` fills the same structure, in the session of the one who is looking.",
    )


def live_demo(state: dict[str, Any]) -> None:
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True, height="stretch"):
        st.markdown("**This page, live**")
        st.metric("initialize() ran", "once", help="Once per browser tab")
        st.metric("loop() ran", f"{state['runs']} times" if state["runs"] != 1 else "once")
        st.caption(f"Initialized at {state['initialized_at']:%H:%M:%S} UTC")
        st.button("Run the script again", icon=":material/refresh:", width="stretch")
    with right:
        show_source(initialize)
        show_part(__file__, start="if not st.session_state")


def own_values() -> None:
    values = st.session_state[DEMO]["input"]["user"]
    values["note"] = st.text_input("A note that only this tab can see", placeholder="Type something, press Enter")
    if values["note"]:
        st.caption(
            f"Kept for this session: “{values['note']}”. Open the page in a second tab: the field is empty there."
        )


def two_users() -> None:
    st.markdown(
        "The script on the left is the one often seen. It reaches into every session of its server, so both scripts "
        "run in a process of their own."
    )
    if st.button("Open both as Ada, then as Ben", icon=":material/group:", type="primary"):
        try:
            with st.spinner("Ada and Ben open the app…"):
                st.session_state[VIEWS] = (run_two_users("initialization_dont"), run_two_users("initialization_do"))
        except TwoUsersFailed as problem:
            st.warning(str(problem), icon=":material/schedule:")
    wrong, right = st.session_state.get(VIEWS, (None, None))
    left, beside = st.columns(2, gap="medium")
    with left, dont("one dictionary for everybody"):
        show_views(wrong)
        show_part(EXAMPLES / "initialization_dont.py")
    with beside, do("fill the session that is there"):
        show_views(right)
        show_part(EXAMPLES / "initialization_do.py")


def show_views(views: tuple[UserView, ...] | None) -> None:
    if views is None:
        st.caption("Not run yet.")
        return
    for view in views:
        said = " ".join(view.lines)
        draw = st.success if said.endswith(view.user) else st.error
        draw(f"{view.user}'s browser shows: **{said}**")


if not st.session_state.get(DEMO, {}).get("initialized", False):
    initialize()
if st.session_state.get(DEMO, {}).get("initialized", False):
    loop()
