"""An app whose script submits its own functions to a pool of processes, and notes each time it is run."""

import os
from pathlib import Path

import streamlit as st

from octostar_runtime import get_runtime

with Path(os.environ["NOTES"]).open("a", encoding="utf-8") as notes:
    notes.write(f"{os.getpid()}\n")


class Answer:
    def __init__(self, value: int, pid: int) -> None:
        self.value = value
        self.pid = pid


def helper(value: int) -> int:
    return value * 2


def work(task: object, value: int) -> Answer:
    return Answer(helper(value), os.getpid())


tasks = get_runtime().tasks
tasks.submit("answer", work, {"value": 21}, pool="cpu")
tasks.wait("answer", 30)
answer = tasks.get_result("answer")["data"]
elsewhere = getattr(answer, "pid", os.getpid()) != os.getpid()
st.write(f"answer {getattr(answer, 'value', answer)} from {'elsewhere' if elsewhere else 'here'}")
