"""Every Python example of the README and the guides runs as an app on a real server, without an error."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.streamlit_client import StreamlitClient
from tests.support.streamlit_server import ROOT, StreamlitServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: Guides in which one example builds on those before it; elsewhere each stands alone.
CONTINUED = ("README.md", "docs/getting-started.md", "docs/moving-from-streamlit-octostar-utils.md")
PATIENCE_MS = 20_000
RUNS_OF_THE_PAGE = """
st.session_state.runs = st.session_state.get("runs", 0) + 1
st.caption(f"runs of the page: {st.session_state.runs}")
"""
ENTRY = """
import runpy
import streamlit as st
runpy.run_path(st.query_params["example"])
"""


def scripts() -> dict[str, str]:
    """Return what to run by a name that says where it stands."""
    found = {Path(guide).stem: "\n".join(BLOCK.findall((ROOT / guide).read_text())) for guide in CONTINUED}
    for section in (ROOT / "docs/how-to.md").read_text().split("\n## ")[1:]:
        for number, block in enumerate(BLOCK.findall(section), start=1):
            found[f"{section.splitlines()[0]} {number}"] = block
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the examples lie and the app that runs the one it is asked for."""
    made = tmp_path_factory.mktemp("examples")
    (made / "app.py").write_text(ENTRY)
    return made


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[StreamlitServer]:
    with StreamlitServer(folder / "app.py", env={"PYTHONPATH": str(ROOT)}, cwd=folder) as running:
        yield running


def test_every_example_runs(folder: Path, server: StreamlitServer) -> None:
    examples = scripts()
    assert len(examples) > 12
    failed = {}
    for number, (name, text) in enumerate(examples.items()):
        (folder / f"example_{number}.py").write_text(text)
        with StreamlitClient(server.url, query=f"example=example_{number}.py", timeout_s=30) as client:
            assert client.page.runs_finished >= 1
            if client.page.exceptions:
                failed[name] = client.page.exceptions
    assert failed == {}


def test_a_task_shown_in_one_line_tells_how_it_goes_and_is_cancelled_there(
    folder: Path, server: StreamlitServer, browser: Browser
) -> None:
    example = scripts()["Show a background task in one line 1"]
    assert '{"rows": 200}' in example
    (folder / "long.py").write_text(example.replace('{"rows": 200}', '{"rows": 6000}') + RUNS_OF_THE_PAGE)
    (folder / "short.py").write_text(example.replace('{"rows": 200}', '{"rows": 150}'))
    page = browser.new_page()
    page.goto(f"{server.url}/?example=long.py")
    page.get_by_role("button", name="Make the report").click()
    expect(page.get_by_text("Running")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("of 6000")).to_be_visible(timeout=PATIENCE_MS)
    runs = page.get_by_text("runs of the page:").inner_text()
    first = page.get_by_text("of 6000").inner_text()
    expect(page.get_by_text("of 6000")).not_to_have_text(first, timeout=PATIENCE_MS)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0, timeout=PATIENCE_MS)
    assert page.get_by_text("runs of the page:").inner_text() == runs, "only the line is drawn again"

    page.goto(f"{server.url}/?example=short.py")
    page.get_by_role("button", name="Make the report").click()
    expect(page.get_by_text("Done")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_test_id("stJson")).to_contain_text("150")
    page.close()
