"""The line an app shows of a task, drawn by Streamlit's own test runner."""

from streamlit.testing.v1 import AppTest

from octostar_runtime import anchor
from octostar_runtime.models.runs import RunState
from octostar_runtime.tasks import TaskManager
from octostar_runtime.testing import wait_until
from tests.unit.tasks.conftest import Gate


def page() -> None:
    from octostar_runtime.ui.show_task import show_task

    show_task("report")


def _drawn(tasks: TaskManager) -> AppTest:
    anchor.put("task_manager", tasks)
    try:
        return AppTest.from_function(page).run()
    finally:
        anchor.remove("task_manager")


def test_a_task_not_yet_submitted_is_told(tasks: TaskManager) -> None:
    drawn = _drawn(tasks)
    assert not drawn.exception
    assert "No such task" in drawn.caption[0].value


def test_a_running_task_shows_its_partial_result_and_is_cancelled_by_its_button(tasks: TaskManager, gate: Gate) -> None:
    def work(handle: object) -> None:
        handle.progress(done=1, total=4, message="reading", partial="half a table")  # type: ignore[attr-defined]
        gate(handle)
        handle.check()  # type: ignore[attr-defined]

    tasks.submit("report", work, name="Report")
    assert gate.begun.wait(5)
    drawn = _drawn(tasks)
    assert not drawn.exception
    assert "Running" in drawn.markdown[0].value
    assert "half a table" in drawn.markdown[1].value
    anchor.put("task_manager", tasks)
    drawn.button[0].click().run()
    anchor.remove("task_manager")
    assert tasks.snapshot("report").state is RunState.CANCELLING
    gate.opened.set()
    wait_until(lambda: tasks.snapshot("report").state is RunState.CANCELLED)


def test_a_failed_task_shows_its_error_and_no_button(tasks: TaskManager) -> None:
    tasks.submit("report", lambda handle: 1 / 0)
    tasks.wait("report", 5)
    drawn = _drawn(tasks)
    assert not drawn.exception
    assert "division by zero" in drawn.error[0].value
    assert not drawn.button


def counting_page() -> None:
    import streamlit as st

    from octostar_runtime.ui.show_task import show_task

    st.session_state.runs = st.session_state.get("runs", 0) + 1
    show_task("report", rerun_when_done=True)


def test_the_end_is_drawn_without_running_the_page_again_unless_asked_for(tasks: TaskManager, gate: Gate) -> None:
    """The test runner knows no timers; a full run stands for the tick that meets the end."""
    tasks.submit("report", gate)
    assert gate.begun.wait(5)
    drawn = _drawn(tasks)
    gate.opened.set()
    assert tasks.wait("report", 5)
    anchor.put("task_manager", tasks)
    try:
        drawn.run()
        assert "Done" in drawn.markdown[0].value
        counted = AppTest.from_function(counting_page).run()
        assert counted.session_state.runs == 1  # it had ended before the page was drawn
    finally:
        anchor.remove("task_manager")
