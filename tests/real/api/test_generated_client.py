"""A generator makes a typed client from our own description of the API, and that client works."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.support.api_server import ApiServer

pytestmark = pytest.mark.real
GENERATOR = Path(sys.executable).with_name("openapi-python-client")


def test_a_generated_client_lists_runs_calls_functions_and_reads_refusals(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [str(GENERATOR), "generate", "--url", f"{server.url}/openapi.json", "--meta", "none"]
    made = subprocess.run(
        [*command, "--output-path", tmp_path / "generated_client"],
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
        env={"PATH": ""},  # it would format what it has made
    )
    warned = [line for line in (made.stdout + made.stderr).splitlines() if "WARNING" in line]
    assert warned == ["WARNING parsing GET /api/metrics within metrics."], "that one is not JSON"

    monkeypatch.syspath_prepend(str(tmp_path))
    generated = import_module("generated_client")
    runs = import_module("generated_client.api.runs.list_runs")
    call = import_module("generated_client.api.functions.call_add")
    models = import_module("generated_client.models")
    http = generated.AuthenticatedClient(base_url=server.url, token=server.token())

    with http as client:
        result = call.sync(client=client, body=models.CallAddAddArguments(a=2, b=3), wait=20.0)
        assert (result.state, result.data) == (models.RunState.SUCCESS, 5)
        server.runtime.publisher.flush_now()
        page = runs.sync(client=client, q="name:add state:success", limit=1)
        assert page.items[0].run_id == result.run_id
        refused = runs.sync_detailed(client=client, q="state:bogus")
        assert refused.status_code == 422
        assert refused.parsed.errors[0].field == "query.q"
