"""Every Python example of the README and the guides runs as an app on a real server, without an error."""

import re
from pathlib import Path

import pytest

from tests.support.streamlit_client import StreamlitClient
from tests.support.streamlit_server import ROOT, StreamlitServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
GUIDES = ("README.md", "docs/getting-started.md", "docs/how-to.md", "docs/moving-from-streamlit-octostar-utils.md")


def examples(guide: str) -> list[str]:
    return BLOCK.findall((ROOT / guide).read_text())


@pytest.mark.parametrize("guide", GUIDES)
def test_the_examples_of_a_guide_run_in_the_order_of_the_page(guide: str, tmp_path: Path) -> None:
    scripts = examples(guide)
    assert scripts
    (tmp_path / "app.py").write_text("\n".join(scripts))
    with (
        StreamlitServer(tmp_path / "app.py", env={"PYTHONPATH": str(ROOT)}, cwd=tmp_path) as server,
        StreamlitClient(server.url) as client,
    ):
        assert client.page.exceptions == []
        assert client.page.runs_finished >= 1
