"""A fuzzer that reads our own description of the API finds nothing that it says and does not do."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from octostar_runtime.functions import functions
from tests.real.api import sample_functions
from tests.support.api_server import ApiServer, running_api

pytestmark = [pytest.mark.real, pytest.mark.slow]
FUZZER = Path(sys.executable).with_name("schemathesis")
CONFIG = Path(__file__).with_name("schemathesis.toml")


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API without a rate limit, where nothing runs for longer than the fuzzer waits for an answer."""
    with pytest.MonkeyPatch.context() as patch:
        endless = functions().get("endless")
        patch.setitem(functions()._by_name, "endless", replace(endless, timeout_s=0.3))
        sample_functions.gate.set()
        with running_api(tmp_path_factory.mktemp("fuzzed"), api_rate=10_000, api_burst=100_000) as server:
            with server.client() as client:
                client.call("add", a=1, wait_s=10)  # the first run makes the pool's threads
            yield server


#: What a stranger sends is not read, so there is nothing to be found out by sending wrong or far-fetched things.
PHASES = {"signed in": "coverage,fuzzing,stateful", "a stranger": "fuzzing"}


@pytest.mark.timeout(480)
@pytest.mark.parametrize("who", list(PHASES))
def test_every_documented_request_is_answered_as_documented(fuzzed: ApiServer, tmp_path: Path, who: str) -> None:
    header = ["-H", f"Authorization: Bearer {fuzzed.token()}"] if who == "signed in" else []
    options = [
        "--phases",
        PHASES[who],
        "--checks",
        "all",
        "--max-examples",
        "3",
        "--request-timeout",
        "60",
        "--no-color",
    ]
    done = subprocess.run(
        [FUZZER, "--config-file", CONFIG, "run", f"{fuzzed.url}/openapi.json", *header, *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=450,
        cwd=tmp_path,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    assert done.returncode == 0, done.stdout[-6000:]
