"""An app as its developers wrote it for streamlit-octostar-utils: every call of both modules, and nothing else.

The test runs this text as it stands, and once more with the name of the package in its imports changed.
"""

import threading
import time

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit_octostar_utils.threading.async_task_manager import AsyncTaskManager
from streamlit_octostar_utils.threading.session_callback_manager import SessionCallbackManager
from streamlit_octostar_utils.threading.session_state_hot_swapper import SessionStateHotSwapper

TaskStatus = AsyncTaskManager.TaskStatus


@st.cache_resource
def manager():
    return AsyncTaskManager(max_workers=3)


@st.cache_resource
def left():
    return []  # who has gone, as every visitor sees it


@st.cache_resource
def beats():
    return {}


def count(task, up_to, pause):
    for n in range(1, up_to + 1):
        time.sleep(pause)
        task.output(TaskStatus.IN_PROGRESS, n)
    return f"{task.task_id} counted to {up_to}"


def fail(task):
    time.sleep(0.3)
    raise ValueError("no such column")


def endless(task):
    n = 0
    while not task.cancel_event.is_set():
        time.sleep(0.1)
        n += 1
    try:
        task.output(TaskStatus.IN_PROGRESS, n)
    except AsyncTaskManager.CancelledError:
        left().append(f"{task.task_id} was told to stop")
        raise


def patient(task):
    while True:
        time.sleep(0.1)
        task.output(TaskStatus.IN_PROGRESS, "working")


def on_start():
    st.session_state["greeting"] = f"welcome {st.session_state['me']}"


def initialize():
    me = st.session_state["me"] = st.query_params.get("me", "ada")

    # With the old library these two find no session state once the page has run again, so they bring what they need.
    def on_heartbeat():
        beats()[me] = beats().get(me, 0) + 1

    def on_end():
        left().append(f"{me} left")
        manager().cancel(f"patient-{me}")

    handler = SessionCallbackManager.get_handler()
    registration = handler.register_session(on_session_start=on_start, on_heartbeat=on_heartbeat, on_session_end=on_end)
    st.session_state["registered"] = isinstance(registration, str) and SessionCallbackManager() is handler
    st.session_state["initialized"] = True


def loop():
    me = st.session_state["me"]
    st.write(f"registered: {st.session_state['registered']}, {st.session_state['greeting']}")
    if beats().get(me, 0) >= 2:
        st.write("the heart beats")
    for label, task, kwargs in (
        ("count", count, {"up_to": 4, "pause": 0.3}),
        ("fail", fail, {}),
        ("endless", endless, {}),
        ("patient", patient, {}),
    ):
        if st.button(f"Submit {label}"):
            st.write(f"submit says {manager().submit(f'{label}-{me}', task, kwargs)}")
        if st.button(f"Cancel {label}"):
            st.write(f"cancel says {manager().cancel(f'{label}-{me}')}")
        show(f"{label}-{me}")
    if st.button("Cancel everything"):
        manager().cancel_all()
    if st.button("Try the rest"):
        the_rest()
    for line in st.session_state.get("rest", []):
        st.write(line)
    st.write("; ".join(sorted(left())) or "nobody left")
    time.sleep(0.4)
    st.rerun()


def show(task_id):
    try:
        result = manager().get_result(task_id)
    except KeyError:
        st.write(f"{task_id}: unknown")
        return
    status, data = result["status"], result["data"]
    if status.value < 10:
        st.write(f"{result['id']}: busy ({status.name})")
    elif isinstance(data, BaseException):
        st.write(f"{result['id']}: {status.name} {status.value}, {type(data).__name__}: {data}")
    else:
        st.write(f"{result['id']}: {status.name} {status.value}, {data}")


def the_rest():
    """Calls that an app makes outside the rhythm of its page."""
    by_type = AsyncTaskManager.get_handler("reports")
    said = [f"one handler per type: {by_type is AsyncTaskManager.get_handler('reports')} of {by_type.max_workers}"]
    by_type.submit("report", count, {"up_to": 2, "pause": 0.2})
    by_type.join("report")
    said.append(f"joined: {by_type.get_result('report')['data']}")
    by_type.join("never submitted")

    own = AsyncTaskManager(1)
    own.submit("last", count, {"up_to": 2, "pause": 0.2})
    own.output("last", TaskStatus.IN_PROGRESS, "said from outside")
    own.join("last")
    own.join_all()
    said.append(f"joined all: {own.get_result('last')['status'].name}")
    said.append(f"cancel of nothing: {own.cancel('nothing')}")

    context = get_script_run_ctx()

    def write_from_a_thread():
        with SessionStateHotSwapper(context) as state:
            state["written"] = f"a thread wrote for {st.session_state['me']}"

    thread = threading.Thread(target=write_from_a_thread)
    thread.start()
    thread.join()
    said.append(st.session_state["written"])
    st.session_state["rest"] = said


if not st.session_state.get("initialized", False):
    initialize()
if st.session_state.get("initialized", False):
    loop()
