"""Programs that tests need and a machine may lack: skipped on a laptop, a failure when CI=true."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

#: Where Debian keeps what is not on every user's PATH.
EXTRA_PATHS = ("/usr/sbin", "/usr/local/sbin", *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")))[::-1])


def find_tool(*names: str) -> str | None:
    """Return the path of the first of ``names`` that is installed."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *EXTRA_PATHS])
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def need_tool(*names: str) -> str:
    """Return the path of the first of ``names`` that is installed; without any the test cannot run."""
    found = find_tool(*names)
    if found is None:
        missing(f"{' or '.join(names)} is not installed; ./test.sh installs it when run as root")
    return found


def missing(what: str) -> NoReturn:
    """Skip the test, loudly; in CI, where everything must be there, fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(what, pytrace=False)
    pytest.skip(what)
