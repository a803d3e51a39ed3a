"""What ``import octostar_runtime`` offers: every name is there, documented, and free until it is used."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import octostar_runtime


@pytest.mark.parametrize("name", [name for name in octostar_runtime.__all__ if name != "__version__"])
def test_every_public_name_is_there_and_documented(name: str) -> None:
    assert inspect.getdoc(getattr(octostar_runtime, name))


def test_type_checkers_see_the_names_that_there_are() -> None:
    tree = ast.parse(Path(octostar_runtime.__file__).read_text())
    seen = {alias.asname for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen - {None} == set(octostar_runtime.__all__) - {"__version__"}


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'submit'; it offers"):
        _ = octostar_runtime.submit


def test_importing_the_package_imports_no_web_framework_and_configures_no_logging() -> None:
    code = (
        "import sys, logging, octostar_runtime;"
        "heavy = [m for m in ('streamlit', 'fastapi', 'pandas', 'sqlalchemy') if m in sys.modules];"
        "print(heavy, logging.root.handlers)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[] []"


@pytest.mark.parametrize("name", [name for name in octostar_runtime.__all__ if name != "__version__"])
def test_every_name_stands_in_the_python_reference(name: str) -> None:
    reference = (Path(__file__).parents[3] / "docs" / "reference.md").read_text()
    home = getattr(octostar_runtime, name).__module__
    described = {line.split(":: ")[1] for line in reference.splitlines() if ":: " in line}
    by_name = {entry for entry in described if entry.endswith(f".{name}")}
    assert by_name or home in described
