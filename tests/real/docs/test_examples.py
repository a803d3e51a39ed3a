"""Every Python example of the README and the guides runs as an app on a real server, without an error."""

import re
from pathlib import Path

import pytest

from tests.support.streamlit_client import StreamlitClient
from tests.support.streamlit_server import ROOT, StreamlitServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: Guides in which one example builds on those before it; elsewhere each stands alone.
CONTINUED = ("README.md", "docs/getting-started.md", "docs/moving-from-streamlit-octostar-utils.md")
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


def test_every_example_runs(tmp_path: Path) -> None:
    examples = scripts()
    assert len(examples) > 12
    failed = {}
    (tmp_path / "app.py").write_text(ENTRY)
    with StreamlitServer(tmp_path / "app.py", env={"PYTHONPATH": str(ROOT)}, cwd=tmp_path) as server:
        for number, (name, text) in enumerate(examples.items()):
            (tmp_path / f"example_{number}.py").write_text(text)
            with StreamlitClient(server.url, query=f"example=example_{number}.py", timeout_s=30) as client:
                assert client.page.runs_finished >= 1
                if client.page.exceptions:
                    failed[name] = client.page.exceptions
    assert failed == {}
