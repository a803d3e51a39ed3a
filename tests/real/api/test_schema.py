"""A fuzzer that reads our own description of the API finds nothing that it says and does not do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.api_server import running_api

pytestmark = [pytest.mark.real, pytest.mark.slow]
FUZZER = Path(sys.executable).with_name("schemathesis")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("signed_in", [True, False], ids=["signed in", "a stranger"])
def test_every_documented_request_is_answered_as_documented(tmp_path: Path, signed_in: bool) -> None:
    with running_api(tmp_path / "state", api_rate=10_000, api_burst=100_000) as server:
        header = ["-H", f"Authorization: Bearer {server.token()}"] if signed_in else []
        done = subprocess.run(
            [
                FUZZER,
                "run",
                f"{server.url}/openapi.json",
                *header,
                # two run until they are told to stop, and the fuzzer waits for an answer for ten seconds only; the
                # third takes a list in a form, where one value and a list of one look alike
                "--exclude-path-regex",
                "/api/functions/(endless|count|collect)$",
                "--checks",
                "all",
                "--max-examples",
                "3",
                "--no-color",
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
            cwd=tmp_path,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
        assert done.returncode == 0, done.stdout[-6000:]
