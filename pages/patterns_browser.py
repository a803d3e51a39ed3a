"""Patterns · Browser interactions: components that answer by a later run, asked with a guard in ``loop()``."""

from functools import partial
from typing import Any

import streamlit as st

from octostar_runtime.settings import load_settings
from octostar_runtime.ui.ask_browser import Answer, AnswerState, ask_browser, browser_answers
from octostar_runtime.ui.patterns import do, dont, page_head, show_source, why

try:
    from streamlit_octostar_research.desktop import (
        get_context,
        get_open_workspace_ids,
        show_confirm,
        show_notification,
        show_tab,
        whoami,
    )
except ImportError:
    page_head("Browser interactions", "Ask the Octostar desktop from a script.")
    st.info("This page needs the package `streamlit-octostar-research`. Install it and reload the page.")
    st.stop()

DEMO = "browser_demo"  # the page's own corner of the session state
ACTIONS = {
    "notification": ("Notify", ":material/notifications:", show_notification),
    "confirm": ("Ask to confirm", ":material/help:", show_confirm),
    "tab": ("Open a tab", ":material/tab:", show_tab),
}


def initialize_too_early() -> None:
    st.session_state[DEMO] = {
        "workspaces": get_open_workspace_ids(),  # None: the browser has not seen the question yet
        "action": None,
        "asked": 0,
    }


def open_workspaces() -> None:
    workspaces = ask_browser(get_open_workspace_ids)  # the run ends here until there is an answer
    st.write("Open workspaces:", ", ".join(workspaces) or "none")


def loop() -> None:
    page_head(
        "Browser interactions",
        "Components that talk to the Octostar desktop answer by running the script once more. Until then they return "
        "`None`, so they belong in `loop()`, behind a guard.",
    )
    with st.container(border=True):
        st.markdown(
            "**A desktop to try it in.** These components answer inside Octostar. The local desktop stands in for it: "
            "open and close workspaces there, let it answer late, with an error or not at all, and watch this page."
        )
        settings = load_settings()
        base = settings.base_path
        if settings.desktop or settings.mode == "embedded":
            st.link_button(
                "Open this page in the local desktop",
                f"{base}/desktop?app={base}/patterns_browser",
                icon=":material/desktop_windows:",
            )
        else:
            st.caption("It is a development tool: start with `OCTOSTAR_DESKTOP=1` to have it here.")
    left, right = st.columns(2, gap="medium")
    with left, dont("ask in initialize()"):
        stuck = st.session_state[DEMO]["workspaces"]
        st.error(f"Open workspaces: {stuck}, and so they stay.")
        show_source(initialize_too_early)
    with right, do("ask in loop(), stop until the answer comes"):
        answer = st.container()
        show_source(open_workspaces)
    st.subheader("Several questions in one run", anchor=False)
    overview()
    st.subheader("Ask the person at the desktop", anchor=False)
    actions()
    why(
        "A component lives in the browser: the script can only draw it, and the answer arrives by the next run.",
        "What `initialize()` stores is stored once, so it keeps the `None` of the very first run for ever.",
        "`ask_browser` draws the components of all its questions, ends the run until they have answered, keeps the "
        "answers for later runs, tells “nothing” from “not yet”, and hears on after a page has gone.",
    )
    with answer:  # last, because it may end the run
        open_workspaces()


def overview() -> None:
    questions = {
        "Who am I?": whoami,
        "Which workspaces are open?": get_open_workspace_ids,
        "On what was I opened?": get_context,
    }
    answers = browser_answers(*questions.values())
    rows = [
        {"Question": question, "State": state_in_words(answer), "Answer": value_in_words(answer)}
        for question, answer in zip(questions, answers, strict=True)
    ]
    st.dataframe(rows, hide_index=True, width="stretch")
    with st.expander("Source", icon=":material/code:"):
        show_source(overview)


def actions() -> None:
    for column, (name, (label, icon, _)) in zip(st.columns(3), ACTIONS.items(), strict=True):
        column.button(label, icon=icon, width="stretch", on_click=choose_action, args=(name,))
    chosen = st.session_state[DEMO]["action"]
    if chosen:
        label, _, component = ACTIONS[chosen]
        message = {"title": f"{label} no. {st.session_state[DEMO]['asked']}", "message": "Sent by the Patterns page."}
        [answer] = browser_answers(partial(component, message), timeout_s=60)
        st.caption(f"{message['title']}: {state_in_words(answer)} {value_in_words(answer)}")
    with st.expander("Source", icon=":material/code:"):
        show_source(actions)


def choose_action(name: str) -> None:
    st.session_state[DEMO].update(action=name, asked=st.session_state[DEMO]["asked"] + 1)


def state_in_words(answer: Answer) -> str:
    return {
        AnswerState.WAITING: "Waiting…",
        AnswerState.ANSWERED: "Answered",
        AnswerState.FAILED: "Answered with an error",
        AnswerState.TIMED_OUT: "No answer",
    }[answer.state]


def value_in_words(answer: Answer) -> str:
    if answer.error:
        return answer.error
    if not answer.arrived:
        return ""
    return plain(answer.value)


def plain(value: Any) -> str:
    if value is None or value == []:
        return "nothing"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        named = value.get("username") or value.get("entity_label") or (value.get("item") or {}).get("entity_label")
        return str(named or value)
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


if DEMO not in st.session_state:
    initialize_too_early()
loop()
