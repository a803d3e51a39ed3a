"""How much memory values hold, roughly and within a bound on the work. Pure."""

import sys
from collections import deque
from collections.abc import Mapping

MOST_OBJECTS = 200_000


def sizes_by_key(state: Mapping[str, object], *, most_objects: int = MOST_OBJECTS) -> dict[str, int]:
    """Return approximate bytes per key. Objects reachable from several keys count where they are met first."""
    seen: set[int] = set()
    budget = most_objects
    sizes: dict[str, int] = {}
    for key, value in state.items():
        sizes[key], budget = _size(value, seen, budget)
    return sizes


def _size(root: object, seen: set[int], budget: int) -> tuple[int, int]:
    total = 0
    waiting: deque[object] = deque([root])
    while waiting and budget > 0:
        value = waiting.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        budget -= 1
        total += _own_size(value)
        waiting.extend(_children(value))
    return total, budget


def _own_size(value: object) -> int:
    usage = getattr(value, "memory_usage", None)  # pandas, polars
    if callable(usage) and not isinstance(value, type):
        try:
            used = usage(deep=True)
            return int(used.sum() if hasattr(used, "sum") else used)
        except Exception:  # noqa: BLE001 - a foreign object's own idea of its size; fall back to Python's
            return sys.getsizeof(value, 0)
    # numpy arrays report a view as a header only; nbytes is what they show
    nbytes = getattr(value, "nbytes", None)
    own = sys.getsizeof(value, 0)
    return max(own, nbytes) if isinstance(nbytes, int) else own


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | set | frozenset | deque):
        return list(value)
    if isinstance(value, str | bytes | int | float | type) or callable(value):
        return []
    attributes = getattr(value, "__dict__", None)
    return [attributes] if isinstance(attributes, dict) else []
