"""With everything quiet the whole deployment ends by itself, with exit code 0, when the policy file says so."""

import json
from pathlib import Path

import pytest

from tests.support.running_app import RunningApp

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
TINY = Path(__file__).parent / "tiny_app" / "app.py"


def test_when_all_else_is_stopped_the_container_ends_with_zero(tmp_path: Path) -> None:
    quick = {"idle_after": 1, "warn_before": 0}
    document = {
        "check_interval": 0.5,
        "min_uptime": 1,
        "container_exit": True,
        "services": dict.fromkeys(("pool", "cache", "ui", "container"), quick),
    }
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps(document))
    app = RunningApp(app=TINY, env={"OCTOSTAR_POLICY_FILE": str(policy)}).launch()
    try:
        assert app.process.wait(60) == 0
        assert app.left_behind() == []
        assert "the end of the container" in (app.state_dir / "logs" / "services" / "api-container.log").read_text()
    finally:
        app.discard()
