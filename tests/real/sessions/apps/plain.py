"""A plain script, without st.App: one import and one call, and sessions, messages and tasks' owners are known."""

import json
import time

import streamlit as st

from octostar_runtime.runtime import get_runtime
from octostar_runtime.tasks import TaskHandle
from octostar_runtime.ui.show_messages import show_messages

show_messages()
runtime = get_runtime()


def job(task: TaskHandle) -> None:
    """Work until asked to stop."""
    while True:
        task.check()
        time.sleep(0.05)


if st.button("Submit"):
    runtime.tasks.submit("job", job)
if st.button("Message all"):
    runtime.sessions.send_message(None, "Hello from the other tab", "warning", by="ada")
st.write(
    "sessions=" + json.dumps([[s.session_id, s.state, s.reconnects, s.last_run_s] for s in runtime.sessions.sessions()])
)
st.write(
    "runs=" + json.dumps([[r.state, r.session_id, r.cancel.reason if r.cancel else None] for r in runtime.tasks.runs()])
)
