"""About how many bytes a result keeps alive: enough for a memory bound, never a deep walk of a huge object.

Called outside every lock. Only built-in containers are walked; arrays and frames are asked for their own size.
"""

import functools
import sys
from itertools import islice
from types import FunctionType
from typing import Any

_ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes, bytearray})
_VISITS = 2_000


def size_of(value: Any) -> int:
    """Return the approximate size of ``value`` in bytes; never raises."""
    if value is None:
        return 0
    if type(value) in _ATOMS:
        return sys.getsizeof(value)
    try:
        return _walk(value)
    except Exception:  # noqa: BLE001 - a foreign object's own size method may do anything
        return sys.getsizeof(object())


def size_of_closure(fn: Any) -> int:
    """Return about how many bytes a function keeps alive that is kept for a retry: its closure and bound arguments."""
    parts: list[Any] = []
    while isinstance(fn, functools.partial):
        parts += [fn.args, fn.keywords]
        fn = fn.func
    if type(fn) is FunctionType:
        parts += [fn.__defaults__, *(_cell(cell) for cell in fn.__closure__ or ())]
    return sum(size_of(part) for part in parts)


def size_of_error(error: BaseException) -> int:
    """Return about how many bytes an exception kept as a result keeps alive; its frames are gone by then."""
    return size_of(error.args) + size_of(getattr(error, "__dict__", None))


def _cell(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a variable that has no value yet
        return None


def _walk(value: Any) -> int:
    """Add up what is reachable through built-in containers, extrapolating beyond a number of visits."""
    total, visits = 0, 0
    pending: list[tuple[Any, float]] = [(value, 1.0)]
    seen: set[int] = set()
    while pending and visits < _VISITS:
        item, weight = pending.pop()
        if id(item) in seen:
            continue
        visits += 1
        total += int(_own_size(item) * weight)
        children = _children(item)
        if children is None:
            continue
        seen.add(id(item))
        members, count = children
        sample = list(islice(members, _VISITS // 4))
        scale = weight * count / len(sample) if sample else weight
        pending.extend((member, scale) for member in sample)
    return total


def _own_size(item: Any) -> int:
    if type(item) in _ATOMS:
        return sys.getsizeof(item)
    nbytes = getattr(item, "nbytes", None)
    if isinstance(nbytes, int):
        return nbytes
    memory_usage = getattr(item, "memory_usage", None)
    if callable(memory_usage) and type(item).__module__.startswith("pandas."):
        usage = memory_usage(index=True, deep=False)
        return int(usage.sum() if hasattr(usage, "sum") else usage)
    return sys.getsizeof(item)


def _children(item: Any) -> tuple[Any, int] | None:
    if isinstance(item, dict):
        return (part for pair in item.items() for part in pair), 2 * len(item)
    if isinstance(item, list | tuple | set | frozenset):
        return iter(item), len(item)
    state = getattr(item, "__dict__", None)
    if isinstance(state, dict) and not isinstance(item, type) and not callable(item):
        return iter(state.values()), len(state)
    return None
