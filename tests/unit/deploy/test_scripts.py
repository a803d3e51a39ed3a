"""The shell scripts: clean by shellcheck, executable, and honest about what they call."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.tools import need_tool

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = ("main.sh", "test.sh", ".ci/run", "octostar_runtime/deploy/machine.sh")


@pytest.fixture(scope="module", autouse=True)
def venv_on_the_path() -> None:
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.parametrize("script", SCRIPTS)
def test_shellcheck_has_nothing_to_say(script: str) -> None:
    check = [need_tool("shellcheck"), "--external-sources", script]
    result = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("script", [s for s in SCRIPTS if not s.endswith("machine.sh")])
def test_it_can_be_executed(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)


def test_help_needs_nothing_installed(tmp_path: Path) -> None:
    (tmp_path / "octostar_runtime" / "deploy").mkdir(parents=True)
    for name in ("main.sh", "octostar_runtime/deploy/machine.sh"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    result = subprocess.run(["bash", "main.sh", "--help"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0
    assert "--no-nginx" in result.stdout
    assert not (tmp_path / ".venv").exists()
