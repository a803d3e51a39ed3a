"""./main.sh when something is in the way: one line that says what and how to mend it, and nothing left running."""

import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.nginx import Nginx
from tests.support.running_app import RunningApp
from tests.support.streamlit_server import ROOT

pytestmark = pytest.mark.real
TINY = Path(__file__).parent / "tiny_app" / "app.py"
NOBODY = 65534


def refused(app: RunningApp) -> str:
    """Start, and return the one line it said."""
    try:
        app.launch()
        assert app.process.wait(30) not in (0, None)
        assert app.left_behind() == []
        (line,) = app.output.splitlines()
        assert line.startswith("main.sh: ")
        return line
    finally:
        app.discard()


def main_sh(**options: object) -> RunningApp:
    return RunningApp(command=["./main.sh"], app=TINY, **options)  # type: ignore[arg-type]


@pytest.fixture
def bare_tree() -> Iterator[Path]:
    """Only what main.sh itself needs, without a virtual environment, readable by everybody."""
    tree = Path(tempfile.mkdtemp(prefix="octostar-tree-"))
    (tree / "octostar_runtime" / "deploy").mkdir(parents=True)
    for name in ("main.sh", "octostar_runtime/deploy/machine.sh", "requirements.txt"):
        shutil.copy(ROOT / name, tree / name)
    tree.chmod(0o755)
    yield tree
    shutil.rmtree(tree)


def run_bare(tree: Path, env: Mapping[str, str], *, user: int | None = None) -> str:
    result = subprocess.run(
        ["./main.sh"], cwd=tree, env={**os.environ, **env}, user=user, capture_output=True, text=True, check=False
    )
    assert result.returncode != 0
    return result.stderr.strip()


@pytest.mark.parametrize("setting", ["OCTOSTAR_BIND", "OCTOSTAR_UI_PORT", "OCTOSTAR_API_PORT"])
def test_a_taken_port(setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        value = f"127.0.0.1:{port}" if setting == "OCTOSTAR_BIND" else str(port)
        line = refused(main_sh(env={setting: value}))
    assert f"127.0.0.1:{port} is taken" in line
    assert f"set {setting} to a free port" in line


@pytest.mark.parametrize(
    ("setting", "value", "fix"),
    [
        ("OCTOSTAR_UI_PORT", "many", "OCTOSTAR_UI_PORT: "),
        ("OCTOSTAR_BIND", "8080", "OCTOSTAR_BIND: write it as address:port, e.g. 127.0.0.1:8080"),
        ("OCTOSTAR_POOLS", "{not json", "OCTOSTAR_POOLS: "),
        ("OCTOSTAR_BASE_PATH", "/a;b", "OCTOSTAR_BASE_PATH: "),
        ("OCTOSTAR_STATE_DIR", "/proc/octostar", "set OCTOSTAR_STATE_DIR to another directory"),
        ("OCTOSTAR_TRUSTED_PROXY", "the-proxy", "OCTOSTAR_TRUSTED_PROXY: "),
    ],
)
def test_a_broken_setting(setting: str, value: str, fix: str) -> None:
    assert fix in refused(main_sh(env={setting: value}))


def test_a_missing_nginx(tmp_path: Path) -> None:
    # a PATH with everything but nginx, and nowhere to install it from
    for tool in ("bash", "dirname", "id", "cat", "sha256sum", "cut", "env"):
        found = shutil.which(tool)
        assert found
        (tmp_path / tool).symlink_to(found)
    blind = (
        "import shutil; shutil.which = lambda *a, **k: None\n"
        "import sys; from octostar_runtime.deploy.launch import main; sys.exit(main(sys.argv[1:]))"
    )
    app = RunningApp(command=[sys.executable, "-c", blind], app=TINY, env={"PATH": str(tmp_path)})
    line = refused(app)
    assert "nginx is not installed: run 'sudo apt-get install nginx'" in line
    assert "--no-nginx" in line


def test_a_location_of_the_operator_that_nginx_refuses() -> None:
    app = main_sh()
    (app.state_dir / "locations").mkdir()
    (app.state_dir / "locations" / "mine.conf").write_text("location /x { no_such_directive; }")
    line = refused(app)
    assert 'unknown directive "no_such_directive"' in line
    assert str(app.state_dir / "locations") in line


def test_an_app_that_is_not_there(tmp_path: Path) -> None:
    line = refused(RunningApp(command=["./main.sh"], app=tmp_path / "no.py"))
    assert "name it with --app FILE" in line


def test_a_python_that_is_too_old(bare_tree: Path) -> None:
    old = bare_tree / "python-old"
    old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo "Python 3.9.2" && exit 0\nexit 1\n')
    old.chmod(0o755)
    line = run_bare(bare_tree, {"PYTHON": str(old)})
    assert line.splitlines()[0].startswith("main.sh: Python 3.11 or newer is needed (found: Python 3.9.2)")
    assert "PYTHON" in line
    assert not (bare_tree / ".venv" / "bin").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody without rights")
def test_a_checkout_that_cannot_be_written(bare_tree: Path) -> None:
    line = run_bare(bare_tree, {"PYTHON": "python3"}, user=NOBODY)
    assert line == f"main.sh: cannot write {bare_tree}/.venv: give nobody write permission there"


def test_no_way_to_the_package_index(bare_tree: Path) -> None:
    env = {"PIP_NO_INDEX": "1", "PYTHON": sys.executable}
    lines = run_bare(bare_tree, env).splitlines()
    assert lines[-1].startswith("main.sh: pip could not install the requirements (ERROR: ")
    assert f"{bare_tree}/.venv/install.log" in lines[-1]
    assert not list((bare_tree / ".venv").glob(".installed-*"))


def test_check_starts_nothing() -> None:
    app = main_sh(args=["--check"])
    try:
        app.launch()
        assert app.process.wait(30) == 0
        assert f"It can start; the console would be at {app.url}/" in app.output
        assert app.left_behind() == []
    finally:
        app.discard()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody without rights")
def test_nginx_accepts_its_configuration_without_rights() -> None:
    nginx = Nginx(ui=8501, api=8502, account=None)
    for path in (nginx.dir, nginx.layout.nginx_dir, nginx.layout.locations):
        os.chown(path, NOBODY, NOBODY)
    # through a pipe of its own: a log on /dev/stdout cannot be opened when stdout is another account's
    command = ["bash", "-o", "pipefail", "-c", f"{shlex.join(nginx.command('-t'))} 2>&1 | cat"]
    test = subprocess.run(command, user=NOBODY, capture_output=True, text=True, check=False)
    shutil.rmtree(nginx.dir)
    assert test.returncode == 0, test.stdout
    assert "[" not in test.stdout  # neither [warn] nor [alert]
