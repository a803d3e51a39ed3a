"""Functions that the tests call through the API."""

import threading
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from octostar_runtime.functions import api_function
from octostar_runtime.input_file import InputFile

calls: list[str] = []
gate = threading.Event()


@api_function
def add(a: int, b: int = 1) -> int:
    """Add two numbers.

    The second one is optional.
    """
    return a + b


@api_function
def measure(file: InputFile, note: str = "") -> dict[str, Any]:
    """Tell the size of a file."""
    with file.open() as source:
        size = sum(len(block) for block in iter(lambda: source.read(1 << 20), b""))
    return {"size": size, "told": file.size, "name": file.filename, "note": note}


@api_function
def count(upto: Annotated[int, Field(ge=1, le=100)]) -> Iterator[int]:
    """Count, one partial result at a time, waiting before the last."""
    yield from range(upto - 1)
    gate.wait(20)
    yield upto - 1


@api_function
def endless(task: Any) -> None:
    """Run until cancelled."""
    while True:
        task.sleep(0.05)


@api_function
def failing() -> None:
    """Fail."""
    raise ValueError("it was not meant to be")


@api_function
def noted(text: str) -> int:
    """Note that it ran."""
    calls.append(text)
    return len(calls)


@api_function
def collect(tags: list[str], note: str | None = None, files: list[InputFile] | None = None) -> dict[str, Any]:
    """Collect what a form sends in several parts."""
    return {"tags": tags, "note": note, "files": [(file.filename, file.size) for file in files or []]}
