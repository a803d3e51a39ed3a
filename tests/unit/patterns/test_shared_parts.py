"""What the Patterns pages share: sources read from their files, and Don'ts that harm nobody."""

from functools import partial
from pathlib import Path

import pytest
from streamlit_octostar_research.desktop import get_item, get_search_results, whoami

from octostar_runtime.errors import InvalidInput
from octostar_runtime.ui.ask_browser import question_name
from octostar_runtime.ui.patterns.layout import why
from octostar_runtime.ui.patterns.source import read_part
from octostar_runtime.ui.patterns.two_users import EXAMPLES, TwoUsersFailed, run_two_users


def test_a_part_of_a_file_is_read_between_two_lines(tmp_path: Path) -> None:
    file = tmp_path / "script.py"
    file.write_text("import os\n\n\ndef one():\n    pass\n\n\ndef two():\n    pass\n")
    assert read_part(file, start="def one", stop="def two") == "def one():\n    pass"
    assert read_part(file, start="def two") == "def two():\n    pass"


def test_a_part_that_is_no_longer_there_is_an_error_not_an_empty_block(tmp_path: Path) -> None:
    file = tmp_path / "script.py"
    file.write_text("x = 1\n")
    with pytest.raises(LookupError, match=r"script\.py has no line"):
        read_part(file, start="def gone")


def test_a_pattern_is_explained_in_three_sentences() -> None:
    with pytest.raises(ValueError, match="three"):
        why("One.", "Two.")


def test_the_documented_initialization_leaks_one_user_into_the_other() -> None:
    ada, ben = run_two_users("initialization_dont")
    assert ada.lines == ("Signed in as Ada",)
    assert ben.lines == ("Signed in as Ada",)


def test_updating_the_session_state_keeps_users_apart() -> None:
    ada, ben = run_two_users("initialization_do")
    assert (ada.lines, ben.lines) == (("Signed in as Ada",), ("Signed in as Ben",))


def test_a_shared_event_loop_refuses_whoever_comes_second() -> None:
    ada, ben = run_two_users("parallelism_dont", overlap=True)
    assert ada.error is None
    assert ada.lines[-1] == "Step 10 of 10"
    assert ben.error == "This event loop is already running"


def test_a_child_that_hangs_is_ended_and_told() -> None:
    with pytest.raises(TwoUsersFailed, match="did not end"):
        run_two_users("initialization_do", timeout_s=0.05)


def test_every_example_is_a_whole_script() -> None:
    scripts = sorted(EXAMPLES.glob("*.py"))
    assert [script.stem for script in scripts] == [
        f"{part}_{which}" for part in ("initialization", "parallelism") for which in ("do", "dont")
    ]
    for script in scripts:
        compile(script.read_text(), str(script), "exec")


def test_a_question_is_known_by_its_function_and_arguments() -> None:
    assert question_name(whoami) == "streamlit_octostar_research.desktop.whoami"
    assert question_name(partial(get_item, "item-1")) == "streamlit_octostar_research.desktop.get_item('item-1')"
    keyed = partial(get_search_results, key="a", q="ships")
    assert question_name(keyed) == "streamlit_octostar_research.desktop.get_search_results(key='a', q='ships')"


def test_a_question_without_a_name_is_refused_with_the_fix() -> None:
    with pytest.raises(InvalidInput, match=r"functools\.partial"):
        question_name(lambda: get_item("item-1"))
