"""Patterns · Parallelism and user sessions: a shared pool for the work, callbacks for who is there."""

import time
import uuid
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from octostar_runtime.demos.attended_service import AttendedService
from octostar_runtime.demos.background_work import count_primes, profile_in_background, wait_for_replies
from octostar_runtime.demos.profile_csv import CsvProfile
from octostar_runtime.demos.sample_csv import SampleCsv
from octostar_runtime.threading.async_task_manager import AsyncTaskManager
from octostar_runtime.threading.session_callback_manager import SessionCallbackManager
from octostar_runtime.ui.patterns import TwoUsersFailed, do, dont, page_head, run_two_users, show_part, show_source, why
from octostar_runtime.ui.patterns.profile_table import draw_profile
from octostar_runtime.ui.patterns.two_users import EXAMPLES

DEMO = "parallelism_demo"  # the page's own corner of the session state
VIEWS = "parallelism_views"
WORDS = {
    "INIT": "waiting for a worker",
    "IN_PROGRESS": "running",
    "CANCELLING": "stopping",
    "SUCCESS": "done",
    "ERROR": "failed",
    "CANCELLED": "cancelled",
}


@st.cache_resource
def tasks() -> AsyncTaskManager:
    return AsyncTaskManager.get_handler("patterns")  # one pool, shared by all users of the app


@st.cache_resource
def service() -> AttendedService:
    return AttendedService()


def initialize() -> None:
    me = uuid.uuid4().hex[:8]
    st.session_state.update({DEMO: {"me": me, "runs": [], "heartbeat": None, "initialized": True}})
    SessionCallbackManager.get_handler().register_session(
        on_session_start=lambda: service().arrive(me),
        on_heartbeat=note_heartbeat,
        on_session_end=leave,
    )


def note_heartbeat() -> None:
    st.session_state[DEMO]["heartbeat"] = time.time()


def leave() -> None:
    demo = st.session_state[DEMO]
    service().leave(demo["me"])
    cancel(f"profile-{demo['me']}", f"steps-{demo['me']}", *demo["runs"])  # nobody is left to see the results


def loop() -> None:
    page_head(
        "Parallelism and user sessions",
        "Long work runs in a pool that all sessions share; callbacks tell when a session starts, lives and ends.",
    )
    st.subheader("Profile a CSV in the background", anchor=False)
    profile_demo()
    st.subheader("Two kinds of work, several users", anchor=False)
    work_demo()
    st.subheader("Who is there", anchor=False)
    attendance()
    st.subheader("A rerun while work is under way", anchor=False)
    rerun_demo()
    st.subheader("Two users at the same moment", anchor=False)
    event_loop_demo()
    why(
        "A rerun ends the script wherever it is, so work that lives in the script dies with the next click, and an "
        "event loop that a run left behind refuses the next one.",
        "A task lives in the pool: the script hands it over, looks in on it, and may cancel it at its next "
        "`output()`; the pool is shared fairly between sessions.",
        "The session callbacks say when a user has gone for good, so that nothing is computed for nobody and a "
        "service can stop when nobody is connected.",
    )


def profile_demo() -> None:
    task_id = f"profile-{st.session_state[DEMO]['me']}"
    left, right = st.columns([1, 3], gap="medium")
    with left:
        upload = st.file_uploader("Your own CSV", type=["csv", "tsv", "txt"])
        st.caption("Without a file, a sample of a million orders is made while it is read.")
        if st.button("Profile it", type="primary", icon=":material/play_arrow:", width="stretch"):
            source = upload.getvalue() if upload else SampleCsv()
            tasks().submit(task_id, profile_in_background, {"source": source})
        with st.expander("Source", icon=":material/code:"):
            show_source(tasks, profile_in_background, profile_demo, profile_progress)
    with right, st.container(border=True, height="stretch"):
        # the fragment looks in on the task twice a second while it runs, and not at all when it does not
        st.fragment(profile_progress, run_every=0.5 if is_live(task_id) else None)(task_id)


def profile_progress(task_id: str) -> None:
    result = look_in(task_id)
    if result is None:
        st.caption("Nothing has been profiled in this tab yet.")
        return
    status, profile = result["status"], result["data"]
    if status.name == "ERROR":
        st.error(f"The file could not be profiled. {profile}")
    elif isinstance(profile, CsvProfile):
        st.progress(profile.progress or 0.0, f"{profile.rows:,} rows · {WORDS[status.name]}")
        draw_profile(profile)
    else:
        st.caption(f"The profile is {WORDS[status.name]}.")
    if status.value < 10:
        st.button("Cancel", key="cancel-profile", on_click=cancel, args=(task_id,))
    elif st.session_state[DEMO].pop("watching", False):
        st.rerun()  # the task has ended: draw the page once more without the timer
    if status.value < 10:
        st.session_state[DEMO]["watching"] = True


def work_demo() -> None:
    st.markdown(
        "Hand in work, then open this page in a second browser and do the same there: both are served in turn, "
        "however much one of them has handed in. Closing the tab cancels what it left behind."
    )
    cpu, network, many = st.columns(3)
    if cpu.button("Count primes (processor)", icon=":material/calculate:", width="stretch"):
        hand_in("primes", count_primes, {"limit": 200_000})
    if network.button("Wait for replies (network)", icon=":material/cloud:", width="stretch"):
        hand_in("replies", wait_for_replies, {"replies": 40})
    if many.button("Twenty at once", icon=":material/stacks:", width="stretch"):
        for _ in range(20):
            hand_in("replies", wait_for_replies, {"replies": 12})
    live = any(is_live(task_id) for task_id in st.session_state[DEMO]["runs"])
    st.fragment(work_progress, run_every=0.5 if live else None)()
    with st.expander("Source", icon=":material/code:"):
        show_source(hand_in, count_primes, wait_for_replies)


def hand_in(name: str, task: Any, arguments: dict[str, Any]) -> None:
    task_id = f"{name}-{uuid.uuid4().hex[:6]}"
    tasks().submit(task_id, task, arguments)
    runs = st.session_state[DEMO]["runs"]
    runs.insert(0, task_id)
    del runs[60:]


def cancel(*task_ids: str) -> None:
    for task_id in task_ids:
        tasks().cancel(task_id)


def work_progress() -> None:
    seen = {task_id: look_in(task_id) for task_id in st.session_state[DEMO]["runs"]}
    rows = [
        {"Task": task_id, "State": WORDS[result["status"].name], "Result so far": str(result["data"] or "")}
        for task_id, result in seen.items()
        if result is not None
    ]
    if not rows:
        return
    st.dataframe(rows, key="work-rows", hide_index=True, width="stretch", height=min(38 + 35 * len(rows), 320))
    live = [task_id for task_id, result in seen.items() if result and result["status"].value < 10]
    if live:
        st.button(f"Cancel all {len(live)}", key="cancel-work", on_click=cancel, args=tuple(live))
        st.session_state[DEMO]["working"] = True
    elif st.session_state[DEMO].pop("working", False):
        st.rerun()


def attendance() -> None:
    st.markdown("This service starts with the first session of this page and stops when the last one has ended.")
    st.fragment(draw_attendance, run_every=2.0)()
    with st.expander("Source", icon=":material/code:"):
        show_source(initialize, note_heartbeat, leave)


def draw_attendance() -> None:
    now = service().attendance()
    people, since, beat = st.columns(3)
    people.metric("Sessions of this page", now.sessions)
    since.metric("Running since", clock(now.started_at))
    heartbeat = st.session_state[DEMO]["heartbeat"]
    beat.metric("Your last heartbeat", f"{time.time() - heartbeat:.0f} s ago" if heartbeat else "none yet")
    if now.stopped_at:
        st.caption(
            f"It stopped at {clock(now.stopped_at)}, when nobody was left, and has been started {now.starts} times."
        )


def clock(moment: float | None) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%H:%M:%S UTC") if moment else "none yet"


def rerun_demo() -> None:
    left, right = st.columns(2, gap="medium")
    with left, dont("compute in the script"):
        started = st.button("Start in the script", icon=":material/play_arrow:")
        if st.session_state[DEMO].get("lost_at") and not started:
            st.error(f"The next click ended it at step {st.session_state[DEMO]['lost_at']} of 40.")
        if started:
            in_the_script()
        show_source(in_the_script)
    with right, do("hand it to the pool"):
        task_id = f"steps-{st.session_state[DEMO]['me']}"
        if st.button("Start as a task", icon=":material/play_arrow:"):
            tasks().submit(task_id, wait_for_replies, {"replies": 40})
        st.fragment(steps_progress, run_every=0.5 if is_live(task_id) else None)(task_id)
        show_source(wait_for_replies)
    st.button("Click anything else", icon=":material/touch_app:", help="Runs the script again")


def in_the_script() -> None:
    bar = st.progress(0.0)
    for step in range(1, 41):
        st.session_state[DEMO]["lost_at"] = step
        bar.progress(step / 40, f"Step {step} of 40")  # a click ends the run right here
        time.sleep(0.25)
    st.session_state[DEMO]["lost_at"] = None


def steps_progress(task_id: str) -> None:
    result = look_in(task_id)
    if result is not None:
        st.success(f"{WORDS[result['status'].name].capitalize()}: {result['data'] or 'about to begin'}")
        if result["status"].value < 10:
            st.session_state[DEMO]["stepping"] = True
        elif st.session_state[DEMO].pop("stepping", False):
            st.rerun()


def event_loop_demo() -> None:
    st.markdown("Ben comes while Ada's work is under way. Both scripts run in a process of their own.")
    if st.button("Open both as Ada and Ben", icon=":material/group:", type="primary"):
        try:
            with st.spinner("Ada and Ben open the app…"):
                st.session_state[VIEWS] = [
                    run_two_users(f"parallelism_{which}", overlap=True) for which in ("dont", "do")
                ]
        except TwoUsersFailed as problem:
            st.warning(str(problem), icon=":material/schedule:")
    wrong, right = st.session_state.get(VIEWS, ((), ()))
    left, beside = st.columns(2, gap="medium")
    for column, frame, views, script in (
        (left, dont("share an event loop"), wrong, "parallelism_dont.py"),
        (beside, do("share a pool"), right, "parallelism_do.py"),
    ):
        with column, frame:
            for view in views:
                draw = st.error if view.error else st.success
                draw(f"{view.user}: {view.error or view.lines[-1]}")
            show_part(EXAMPLES / script)


def look_in(task_id: str) -> dict[str, Any] | None:
    try:
        return tasks().get_result(task_id)
    except KeyError:
        return None


def is_live(task_id: str) -> bool:
    result = look_in(task_id)
    return result is not None and result["status"].value < 10


if not st.session_state.get(DEMO, {}).get("initialized", False):
    initialize()
if st.session_state.get(DEMO, {}).get("initialized", False):
    loop()
