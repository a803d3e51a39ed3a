"""``show_task("report-7")``: how a task is doing, in one line of an app, updating by itself.

It redraws in a fragment of its own, so the page around it is not run again. A line that was drawn after the end of its
task stands still.
"""

from collections.abc import Callable, Hashable
from typing import Any

import streamlit as st

from octostar_runtime import anchor
from octostar_runtime.errors import ResultExpired, TaskNotFound
from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.tasks import TaskManager

_WORDS = {
    RunState.QUEUED: ("Waiting for a free worker", "blue"),
    RunState.RUNNING: ("Running", "blue"),
    RunState.CANCELLING: ("Stopping", "orange"),
    RunState.RETRY_WAIT: ("Waiting for the next try", "orange"),
    RunState.UNKNOWN: ("Out of reach", "orange"),
    RunState.SUCCESS: ("Done", "green"),
    RunState.ERROR: ("Failed", "red"),
    RunState.CANCELLED: ("Cancelled", "gray"),
    RunState.TIMED_OUT: ("Timed out", "red"),
    RunState.LOST: ("Lost", "red"),
}


def show_task(
    task_id: Hashable,
    *,
    tasks: TaskManager | None = None,
    draw: Callable[[Any], object] | None = None,
    cancel: bool = True,
    every_s: float = 1.0,
    scope: str = "global",
    rerun_when_done: bool = False,
) -> None:
    """Show a task: state, progress, partial or final result, and a cancel button.

    ``draw(data)`` draws the results in place of ``st.write``; ``tasks`` is the process-wide task manager unless
    given. An unknown task is told as such, so the line may stand before the task is submitted. The page is run again
    only with ``rerun_when_done``, once, when the task has ended: for pages that use the result elsewhere.
    """
    manager = tasks or _process_wide()
    ended = manager is None or _ended(manager, task_id, scope)

    @st.fragment(run_every=None if ended else every_s)
    def line() -> None:
        if manager is None:
            st.caption("No task manager runs in this process yet.")
            return
        record = _known(manager, task_id, scope)
        if record is None:
            st.caption("No such task yet.")
            return
        _draw(manager, record, task_id, scope, draw or st.write, cancel=cancel)
        if rerun_when_done and record.terminal and not ended:
            st.rerun()

    line()


def _draw(
    manager: TaskManager,
    record: RunRecord,
    task_id: Hashable,
    scope: str,
    draw: Callable[[Any], object],
    *,
    cancel: bool,
) -> None:
    word, colour = _WORDS[record.state]
    left, right = st.columns([5, 1], vertical_alignment="center")
    with left:
        st.markdown(f":{colour}-badge[{word}] **{_plain(record.name)}** {_plain(record.message or '')}")
    if cancel and not record.terminal:
        right.button(
            "Cancel",
            key=f"show_task_cancel_{record.run_id}",
            disabled=record.state is RunState.CANCELLING,
            on_click=_cancel,
            args=(manager, record.run_id),
        )
    if record.progress is not None and not record.terminal:
        st.progress(record.progress, text=_share(record))
    if record.error and record.state is not RunState.SUCCESS:
        st.error(f"{record.error_type}: {record.error}" if record.error_type else record.error)
        return
    try:
        data = manager.get_result(task_id, scope=scope)["data"]
    except ResultExpired as error:
        st.caption(str(error))
        return
    if data is not None and not isinstance(data, BaseException):
        draw(data)


def _cancel(manager: TaskManager, run_id: str) -> None:
    try:
        manager.cancel_run(run_id, reason="cancelled by the user")
    except TaskNotFound:
        return  # it has ended and gone between the drawing and the click


def _share(record: RunRecord) -> str:
    if record.done is not None and record.total is not None:
        return f"{record.done:g} of {record.total:g}"
    return f"{record.progress or 0:.0%}"


def _plain(text: str) -> str:
    """Keep what a task says from being read as Markdown."""
    return "".join(f"\\{sign}" if sign in r"\`*_{}[]()#+-.!|<>~$:" else sign for sign in text)


def _known(manager: TaskManager, task_id: Hashable, scope: str) -> RunRecord | None:
    try:
        return manager.snapshot(task_id, scope=scope)
    except TaskNotFound:
        return None


def _ended(manager: TaskManager, task_id: Hashable, scope: str) -> bool:
    record = _known(manager, task_id, scope)
    return record is not None and record.terminal


def _process_wide() -> TaskManager | None:
    runtime = anchor.get("runtime")
    found: TaskManager | None = getattr(runtime, "tasks", None) or anchor.get("task_manager")
    return found
