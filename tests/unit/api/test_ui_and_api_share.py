"""The function that the API serves is the one that a page submits as a task."""

from collections.abc import Iterator

from octostar_runtime.functions import Functions, describe
from octostar_runtime.tasks import TaskManager


def halves(upto: int) -> Iterator[int]:
    """Give partial results."""
    yield upto // 2
    yield upto


def test_a_registered_function_is_submitted_as_a_task() -> None:
    functions = Functions()
    functions.add(describe(halves))
    tasks = TaskManager()
    try:
        run_id = tasks.submit("from-a-page", functions.get("halves"), {"upto": 8})
        assert tasks.wait_run(run_id, 10)
        assert tasks.get_result("from-a-page")["data"] == 8
        assert tasks.run(run_id).name
    finally:
        tasks.close(5)
