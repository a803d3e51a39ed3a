"""Show the very source that runs, read from its file at the moment it is drawn."""

import inspect
import linecache
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st


def show_source(*functions: Callable[..., Any]) -> None:
    """Draw the source of ``functions`` as one block."""
    parts = []
    for given in functions:
        function = inspect.unwrap(given)  # what st.cache_resource wraps is what was written
        linecache.checkcache(inspect.getsourcefile(function))  # the file may have been edited since
        parts.append(textwrap.dedent(inspect.getsource(function)).rstrip())
    st.code("\n\n\n".join(parts), language="python", wrap_lines=True)


def show_part(path: Path | str, *, start: str = "", stop: str | None = None, language: str = "python") -> None:
    """Draw the lines of a file from the first that begins with ``start`` up to the one that begins with ``stop``."""
    st.code(read_part(Path(path), start=start, stop=stop), language=language, wrap_lines=True)


def read_part(path: Path, *, start: str = "", stop: str | None = None) -> str:
    """Return those lines; LookupError when the file has no line that begins with ``start`` or ``stop``."""
    lines = path.read_text(encoding="utf-8").splitlines()
    first = _find(lines, start, 0, path)
    last = len(lines) if stop is None else _find(lines, stop, first + 1, path)
    return "\n".join(lines[first:last]).strip("\n")


def _find(lines: list[str], prefix: str, begin: int, path: Path) -> int:
    for index in range(begin, len(lines)):
        if lines[index].startswith(prefix):
            return index
    raise LookupError(f"{path.name} has no line that begins with {prefix!r}")
