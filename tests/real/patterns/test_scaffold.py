"""The skeleton, from a built wheel of this project: it passes its own tests and serves its page and its API."""

import os
import re
import signal
import subprocess
import sys
import sysconfig
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from octostar_runtime.testing import wait_until
from tests.support.ports import free_port
from tests.support.streamlit_client import StreamlitClient
from tests.support.streamlit_server import ROOT, StreamlitServer
from tests.support.tools import need_tool

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment in which the built wheel of this project is installed, and nothing of the source tree."""
    folder = tmp_path_factory.mktemp("environment")
    source = folder / "source"
    source.mkdir()
    # a copy, so that the build leaves nothing behind in the checkout
    parts = [str(ROOT / name) for name in ("octostar_runtime", "pyproject.toml", "README.md")]
    subprocess.run(["cp", "-r", *parts, source], check=True)
    build = "import setuptools.build_meta as b, sys; print(b.build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", build, str(folder)], cwd=source, capture_output=True, text=True, check=True
    )
    wheel = folder / done.stdout.splitlines()[-1]
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    # what the wheel depends on is here already: pip must not install it once more
    packages = Path(sysconfig.get_path("purelib"))
    ours = Path(sysconfig.get_path("purelib", vars={"base": str(venv), "platbase": str(venv)}))
    (ours / "dependencies.pth").write_text(f"{packages}\n")
    pip = [sys.executable, "-m", "pip", "--python", str(venv / "bin" / "python"), "install", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--quiet", "--disable-pip-version-check", str(wheel)], check=True)
    return venv


@pytest.fixture(scope="module")
def project(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("projects")
    run(folder, environment / "bin" / "octostar-runtime", "new", "word_counter")
    return folder / "word_counter"


def run(cwd: Path, *command: str | Path) -> str:
    done = subprocess.run(command, cwd=cwd, env=without_source(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def without_source() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def activated(environment: Path) -> dict[str, str]:
    return {**without_source(), "PATH": f"{environment / 'bin'}:{os.environ['PATH']}", "VIRTUAL_ENV": str(environment)}


def test_it_comes_from_the_wheel_and_passes_its_own_tests(environment: Path, project: Path) -> None:
    python = environment / "bin" / "python"
    where = run(project, python, "-c", "import octostar_runtime; print(octostar_runtime.__file__)")
    assert where.startswith(str(environment))
    assert re.search(r"\b6 passed", run(project, python, "-m", "pytest", "-q", "-p", "no:cacheprovider"))


def test_it_asks_for_the_very_wheel_it_came_from(environment: Path, project: Path) -> None:
    requirement = (project / "requirements.txt").read_text().strip()
    assert requirement.startswith("octostar-runtime @ file://")
    assert Path(requirement.removeprefix("octostar-runtime @ file://")).is_file()


def test_it_serves_its_page(environment: Path, project: Path) -> None:
    env = {"PYTHONPATH": str(next(environment.glob("lib/python*/site-packages")))}
    with (
        StreamlitServer(project / "app.py", env=env, cwd=project) as server,
        StreamlitClient(server.url) as client,
    ):
        assert "Word counter" in client.texts()


@pytest.fixture
def started(environment: Path, project: Path) -> Iterator[str]:
    """main.sh on ports of its own: the page, the API and nginx."""
    need_tool("nginx")
    front, page, api = free_port(), free_port(), free_port()
    for name in ("main.sh", "nginx.conf"):
        text = (project / name).read_text()
        for documented, free in (("8080", front), ("8501", page), ("8502", api)):
            text = text.replace(documented, str(free))
        (project / name).write_text(text)
    process = subprocess.Popen(
        ["./main.sh"], cwd=project, env=activated(environment), start_new_session=True, stdout=subprocess.DEVNULL
    )
    try:
        yield f"http://127.0.0.1:{front}"
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def get(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bytes(answer.read())
    except OSError:
        return b""


def test_main_sh_serves_page_and_api_at_one_address_and_leaves_nothing(started: str) -> None:
    wait_until(lambda: get(f"{started}/_stcore/health"), timeout_s=30, what="the page behind nginx")
    wait_until(lambda: b'"ok"' in get(f"{started}/api/health"), timeout_s=30, what="the API behind nginx")
    assert b"Word counter" in get(f"{started}/openapi.json")
    with StreamlitClient(started) as client:  # the websocket, through nginx on a port that is not 80
        assert "Word counter" in client.texts()
