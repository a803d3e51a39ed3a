"""JSON texts as the store keeps them."""

import json
from collections.abc import Mapping

_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode  # ASCII: any text survives any database


def dump(value: object) -> str:
    """Return compact JSON; what JSON does not know is written as its text."""
    return _encode(value)


def clean(text: str) -> str:
    """Return ``text`` as every database takes it: without NUL characters and halves of surrogate pairs."""
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def load(text: str) -> dict[str, object]:
    """Return the object that was dumped."""
    value = json.loads(text)
    return value if isinstance(value, dict) else {}


def plain(mapping: Mapping[str, object]) -> dict[str, object]:
    """Return ``mapping`` as it will be after a stay in the store: a copy of JSON values only."""
    return load(dump(dict(mapping)))
