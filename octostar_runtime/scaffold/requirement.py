"""How a new project asks for this library: by its version, and by its place when that is not the package index."""

import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import octostar_runtime

PACKAGE = "octostar-runtime"


def own_requirement() -> str:
    """Return the line for requirements.txt that installs what is running now.

    A wheel or a folder that was installed by its path is named by that path, as pip recorded it (PEP 610); so is the
    source tree when it runs without having been installed.
    """
    try:
        record = distribution(PACKAGE).read_text("direct_url.json")
    except PackageNotFoundError:
        source = Path(octostar_runtime.__file__).parents[1]
        return _at(source.as_uri()) if (source / "pyproject.toml").is_file() else _pinned()
    origin: dict[str, Any] = json.loads(record) if record else {}
    return _at(str(origin["url"])) if str(origin.get("url", "")).startswith("file:") else _pinned()


def _pinned() -> str:
    return f"{PACKAGE}=={octostar_runtime.__version__}"


def _at(url: str) -> str:
    return f"{PACKAGE} @ {url}"
