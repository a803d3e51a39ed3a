"""What the tests of the deployment share."""

from pathlib import Path

import pytest


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a short path: sockets are to be made in it, and theirs may have a hundred characters only."""
    return tmp_path_factory.mktemp("d")
