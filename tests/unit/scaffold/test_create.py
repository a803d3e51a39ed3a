"""The project skeleton: complete, named after its folder, and never written over something."""

import ast
import os
from pathlib import Path

import pytest

import octostar_runtime
from octostar_runtime.errors import InvalidInput
from octostar_runtime.scaffold import create_project

EXPECTED = {
    ".gitignore",
    "README.md",
    "api.py",
    "app.py",
    "main.sh",
    "nginx.conf",
    "pytest.ini",
    "requirements-dev.txt",
    "requirements.txt",
    "tests/test_api.py",
    "tests/test_app.py",
    "work.py",
}


def test_a_project_holds_all_parts_of_the_convention(tmp_path: Path) -> None:
    folder = tmp_path / "word_counter"
    written = create_project(folder)
    assert {str(file.relative_to(folder)) for file in written} == EXPECTED
    assert os.access(folder / "main.sh", os.X_OK)
    for file in written:
        assert "@{" not in file.read_text(), f"{file.name} has a placeholder left"


def test_the_app_follows_the_documented_skeleton(tmp_path: Path) -> None:
    create_project(tmp_path / "demo")
    tree = ast.parse((tmp_path / "demo" / "app.py").read_text())
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert {"initialize", "loop"} <= functions
    guards = [ast.unparse(node.test) for node in tree.body if isinstance(node, ast.If)]
    assert guards == [
        "not st.session_state.get('initialized', False)",
        "st.session_state.get('initialized', False)",
    ]


def test_the_project_is_named_after_its_folder(tmp_path: Path) -> None:
    create_project(tmp_path / "word_counter")
    assert (tmp_path / "word_counter" / "README.md").read_text().startswith("# Word counter\n")


@pytest.mark.parametrize("name", ["1st", "a b", ".hidden", "-x", "x" * 64, "a'); import os"])
def test_a_name_that_could_break_the_files_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot name a project"):
        create_project(tmp_path / name)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "app.py").write_text("precious")
    with pytest.raises(InvalidInput, match="not empty"):
        create_project(tmp_path / "mine")
    assert (tmp_path / "mine" / "app.py").read_text() == "precious"


def test_the_project_asks_for_the_library_that_made_it(tmp_path: Path) -> None:
    create_project(tmp_path / "demo")
    requirement = (tmp_path / "demo" / "requirements.txt").read_text().strip()
    source = Path(octostar_runtime.__file__).parents[1]
    assert requirement in (f"octostar-runtime @ {source.as_uri()}", f"octostar-runtime=={octostar_runtime.__version__}")
