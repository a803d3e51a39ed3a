"""Copies that keep a task and its readers from changing each other's values.

Built-in containers are copied all the way down; frames are copied lazily (pandas copies on write). Any other object is
handed over as it is: what it costs to copy, and whether it can be, only its author knows.
"""

from typing import Any

_ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes})
_DEPTH = 100


def isolated(value: Any) -> Any:
    """Return a copy of ``value`` that shares no built-in container with it."""
    return value if type(value) in _ATOMS else _copy(value, {}, 0)


def _copy(value: Any, memo: dict[int, Any], depth: int) -> Any:
    kind = type(value)
    if kind in _ATOMS or depth > _DEPTH:
        return value
    if id(value) in memo:
        return memo[id(value)]
    if kind is dict:
        copied: dict[Any, Any] = {}
        memo[id(value)] = copied
        for key, item in value.copy().items():
            copied[key] = _copy(item, memo, depth + 1)
        return copied
    if kind is list:
        listed: list[Any] = []
        memo[id(value)] = listed
        listed.extend(_copy(item, memo, depth + 1) for item in value.copy())
        return listed
    if kind is tuple:
        return tuple(_copy(item, memo, depth + 1) for item in value)
    if kind in (set, bytearray):
        return value.copy()
    if kind.__module__.startswith("pandas.") and kind.__name__ in ("DataFrame", "Series"):
        return value.copy(deep=False)
    return value
