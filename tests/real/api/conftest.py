"""One API server for the tests of this folder, with functions of our own."""

from collections.abc import Iterator

import pytest

from octostar_runtime import functions as registry
from tests.real.api import sample_functions
from tests.support.api_server import ApiServer, running_api


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """Return a running API."""
    assert registry.functions().get("add").fn is sample_functions.add
    with running_api(tmp_path_factory.mktemp("state")) as running:
        with running.client() as client:
            client.call("add", a=1, wait_s=10)  # the pool's threads are made by the first run and live as long as it
        yield running
