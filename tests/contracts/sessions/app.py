"""A plain script in the seed's way, run with the reference's or our session callback manager (IMPL).

What happens is appended as JSON lines to the file named in LOG. The query parameter ``case`` picks the callbacks.
"""

import json
import os
import sys
import threading
import time

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

if os.environ["IMPL"] == "reference":
    from streamlit_octostar_utils.threading.session_callback_manager import SessionCallbackManager
    from streamlit_octostar_utils.threading.session_state_hot_swapper import SessionStateHotSwapper
else:
    from octostar_runtime import anchor
    from octostar_runtime.clock import SystemClock
    from octostar_runtime.events import EventBus
    from octostar_runtime.sessions import SessionRegistry, streamlit_bridge
    from octostar_runtime.settings import load_settings
    from octostar_runtime.threading.session_callback_manager import SessionCallbackManager
    from octostar_runtime.threading.session_state_hot_swapper import SessionStateHotSwapper

    streamlit_bridge.install(
        anchor.get_or_create(
            "contract-registry",
            lambda: SessionRegistry(node_id="contract", clock=SystemClock(), sink=EventBus(), settings=load_settings()),
        )
    )


def log(what: str, **more: object) -> None:
    """Append one line."""
    with open(os.environ["LOG"], "a") as out:  # noqa: PTH123
        out.write(json.dumps({"what": what, "at": time.monotonic(), **more}) + "\n")


CASE = st.query_params.get("case", "plain")
ME = st.query_params.get("me", "anon")


def on_start() -> None:
    """Start."""
    st.session_state["started"] = True
    log("start", me=st.session_state["me"])
    if CASE == "start_raises":
        raise ValueError("start")
    if CASE == "start_slow":
        time.sleep(4)


def on_heartbeat() -> None:
    """Heartbeat."""
    st.session_state["beats"] = st.session_state.get("beats", 0) + 1
    log("beat", me=st.session_state["me"], beats=st.session_state["beats"])
    if CASE == "heartbeat_raises":
        raise ValueError("heartbeat")
    if CASE == "heartbeat_exits":
        sys.exit(3)
    if CASE == "heartbeat_slow":
        time.sleep(6)


def on_end() -> None:
    """End."""
    log("end", me=st.session_state["me"], kept=st.session_state.get("kept"))
    if CASE == "end_raises":
        raise ValueError("end")
    if CASE == "end_slow":
        time.sleep(6)


def race() -> list[int]:
    """Ask for the manager from many threads at once."""
    gate = threading.Barrier(8)
    found: list[int] = []

    def ask() -> None:
        gate.wait()
        found.append(id(SessionCallbackManager()))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def register_late() -> str:
    """Register when the session has ended while its script went on; returns what was raised."""
    time.sleep(4)
    try:
        SessionCallbackManager.get_handler().register_session(on_session_start=on_start, on_session_end=on_end)
    except Exception as error:  # noqa: BLE001
        return type(error).__name__
    return "nothing"


def swap() -> dict[str, object]:
    """Use the hot swapper on a bare thread and see what it leaves there."""
    context = get_script_run_ctx()
    told: dict[str, object] = {}

    def work() -> None:
        me = threading.current_thread()
        with SessionStateHotSwapper(context) as state:
            told["seen"] = state["me"]
        told["left"] = getattr(me, "streamlit_script_run_ctx", None) is not None
        try:
            with SessionStateHotSwapper(context):
                raise KeyError("mine")
        except KeyError as error:
            told["raised"] = error.args[0]
        try:
            with SessionStateHotSwapper(None):
                pass
        except UnboundLocalError:
            told["none"] = "UnboundLocalError"
        except Exception as error:  # noqa: BLE001
            told["none"] = type(error).__name__

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return told


st.session_state["me"] = ME
st.session_state.setdefault("kept", "yes")
if CASE == "race":
    st.write(f"managers={len(set(race()))}")
elif CASE == "late":
    log("waits", me=ME)
    log("late", me=ME, raised=register_late())
elif CASE == "crowd":  # ours alone: what a service asks for that shall run while somebody is connected
    manager = SessionCallbackManager.get_handler()
    manager.on_first_start(lambda: log("first", me="crowd"), key="service")
    manager.on_all_ended(lambda: log("last", me="crowd"), key="service")
elif CASE == "swap":
    st.write("swap=" + json.dumps(swap()))
else:
    given = SessionCallbackManager.get_handler().register_session(
        on_session_start=on_start, on_heartbeat=on_heartbeat, on_session_end=on_end
    )
    st.write(f"registered={given}")
monitors = [t.name for t in threading.enumerate() if "monitor" in t.name]
st.write(f"me={ME} started={st.session_state.get('started')} kept={st.session_state.get('kept')}")
st.write(f"monitors={len(monitors)}")
