"""One suite over the reference and ours. The reference must fail where ours does better, or the row is not a row."""

import importlib.util
import os
import subprocess
import sys

import pytest

from tests.contracts.tasks.cases import CASES

#: Rows on which the reference fails now and then: not a proof either way.
RACES = {"a01_workers_survive_cancels", "a08_each_submission_is_a_run", "a13b_no_finished_task_stays_unfinished"}
#: What the reference does right.
SHARED = {"api", "cooperative_cancel", "errors_are_data", "a13_an_exit_in_a_task_is_an_error_of_its_type"}


def run(implementation: str, name: str) -> None:
    """Run a case in a process of its own."""
    command = [sys.executable, "-m", "tests.contracts.tasks.cases", implementation, name]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, env=environment)
    if done.returncode:
        what = "hung" if done.returncode == 3 else done.stderr.strip()[-500:]
        pytest.fail(f"{implementation} does not hold {name}: {what}", pytrace=False)


@pytest.mark.parametrize("name", sorted(CASES))
def test_ours(name: str) -> None:
    run("ours", name)


def _reference_cases() -> list[object]:
    return [
        name
        if name in SHARED
        else pytest.param(name, marks=pytest.mark.xfail(strict=True, reason="what ours does better"))
        for name in sorted(CASES)
        if name not in RACES
    ]


@pytest.mark.skipif(
    importlib.util.find_spec("streamlit_octostar_utils") is None and not os.environ.get("CI"),
    reason="the reference is not installed: pip install --no-deps -r requirements-reference.txt",
)
@pytest.mark.parametrize("name", _reference_cases())
def test_reference(name: str) -> None:
    run("reference", name)
