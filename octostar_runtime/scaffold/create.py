"""`octostar-runtime new my_app`: write the skeleton."""

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from octostar_runtime.errors import InvalidInput
from octostar_runtime.scaffold.requirement import own_requirement

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
_PLACEHOLDER = re.compile(r"@\{([a-z]+)\}")
_SUFFIX = ".template"
_EXECUTABLE = frozenset({"main.sh"})
_HIDDEN = {"gitignore": ".gitignore"}


def create_project(folder: Path) -> list[Path]:
    """Write a project into ``folder``, which gives it its name; return the files written.

    InvalidInput when the name cannot be one, or when the folder already holds something.
    """
    name = folder.name
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"{name!r} cannot name a project; use letters, digits, - and _, beginning with a letter")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidInput(f"{folder} is not empty; choose another name or empty it first")
    values = {
        "name": name,
        "title": re.sub(r"[-_]+", " ", name).strip().capitalize(),
        "requirement": own_requirement(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    return sorted(_write(files(__package__) / "project", folder, values))


def _write(source: Traversable, target: Path, values: dict[str, str]) -> list[Path]:
    written: list[Path] = []
    for entry in source.iterdir():
        if entry.is_dir():
            (target / entry.name).mkdir(exist_ok=True)
            written += _write(entry, target / entry.name, values)
        elif entry.name.endswith(_SUFFIX):
            name = entry.name.removesuffix(_SUFFIX)
            file = target / _HIDDEN.get(name, name)
            text = entry.read_text(encoding="utf-8")
            file.write_text(_PLACEHOLDER.sub(lambda found: values[found[1]], text), encoding="utf-8")
            file.chmod(0o755 if name in _EXECUTABLE else 0o644)
            written.append(file)
    return written
