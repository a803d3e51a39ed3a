"""The skeleton, from a built wheel of this project: it passes its own tests and serves its page and its API."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from octostar_runtime.testing import wait_until
from tests.support.streamlit_client import StreamlitClient
from tests.support.streamlit_server import ROOT, StreamlitServer, free_port
from tests.support.tools import need_tool

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the wheel's content and nothing of the source tree."""
    folder = tmp_path_factory.mktemp("wheel")
    build = "import setuptools.build_meta as b, sys; print(b.build_wheel(sys.argv[1]))"
    source = tmp_path_factory.mktemp("source")
    # a copy, so that the build leaves nothing behind in the checkout
    subprocess.run(
        ["cp", "-r", *[str(ROOT / name) for name in ("octostar_runtime", "pyproject.toml", "README.md")], source],
        check=True,
    )
    done = subprocess.run(
        [sys.executable, "-c", build, str(folder)], cwd=source, capture_output=True, text=True, check=True
    )
    with zipfile.ZipFile(folder / done.stdout.splitlines()[-1]) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def project(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("projects") / "word_counter"
    code = (
        "import sys, pathlib; from octostar_runtime.scaffold import create_project as c; c(pathlib.Path(sys.argv[1]))"
    )
    run(wheel, folder.parent, "-c", code, str(folder))
    return folder


def run(wheel: Path, cwd: Path, *arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=cwd, env=environment(wheel), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def environment(wheel: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(wheel)}


def test_it_comes_from_the_wheel_and_passes_its_own_tests(wheel: Path, project: Path) -> None:
    where = run(wheel, project, "-c", "import octostar_runtime; print(octostar_runtime.__file__)")
    assert where.startswith(str(wheel))
    assert re.search(r"\b6 passed", run(wheel, project, "-m", "pytest", "-q", "-p", "no:cacheprovider"))


def test_it_serves_its_page(wheel: Path, project: Path) -> None:
    with (
        StreamlitServer(project / "app.py", env=environment(wheel), cwd=project) as server,
        StreamlitClient(server.url) as client,
    ):
        assert "Word counter" in client.texts()


@pytest.fixture
def started(wheel: Path, project: Path) -> Iterator[str]:
    """main.sh on ports of its own: the page, the API and nginx."""
    need_tool("nginx")
    front, page, api = free_port(), free_port(), free_port()
    for name in ("main.sh", "nginx.conf"):
        text = (project / name).read_text()
        for documented, free in (("8080", front), ("8501", page), ("8502", api)):
            text = text.replace(documented, str(free))
        (project / name).write_text(text)
    (project / ".venv" / "bin").mkdir(parents=True, exist_ok=True)  # where the test's own programs stand in
    for program in ("streamlit", "uvicorn"):
        script = project / ".venv" / "bin" / program
        script.write_text(f'#!/bin/sh\nexec "{Path(sys.executable).parent / program}" "$@"\n')
        script.chmod(0o755)
    process = subprocess.Popen(
        ["./main.sh"], cwd=project, env=environment(wheel), start_new_session=True, stdout=subprocess.DEVNULL
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
