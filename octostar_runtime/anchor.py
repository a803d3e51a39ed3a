"""Things of which a process has exactly one, kept where a hot reload does not reach.

Streamlit drops watched modules from ``sys.modules`` when a file changes and imports them again; module globals and
classes then exist twice. What is kept here lives in a module object without a file, which the watcher never drops.
The bottom of the house: it imports nothing of ours.
"""

import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

T = TypeVar("T")
_NAME = "_octostar_runtime_anchor"


class _Anchor(ModuleType):
    """A module in name only: a dictionary and its lock. The lock is reentrant, since factories may look here too."""

    def __init__(self) -> None:
        super().__init__(_NAME)
        self.lock = threading.RLock()
        self.values: dict[str, Any] = {}


# the import lock makes this one step: a second import of this file finds the first one's anchor
_anchor: Any = sys.modules.get(_NAME) or sys.modules.setdefault(_NAME, _Anchor())


def get(key: str) -> Any:
    """Return what is kept under ``key``, None when nothing is."""
    return _anchor.values.get(key)


def put(key: str, value: object) -> None:
    """Keep ``value`` under ``key``, in the place of what was there."""
    with _anchor.lock:
        _anchor.values[key] = value


def get_or_create(key: str, factory: Callable[[], T]) -> T:
    """Return what is kept under ``key``; when nothing is, keep what ``factory()`` makes. One call wins."""
    with _anchor.lock:
        if _anchor.values.get(key) is None:
            _anchor.values[key] = factory()
        kept: T = _anchor.values[key]
        return kept


def remove(key: str, value: object = None) -> bool:
    """Forget ``key``; with ``value`` only when that very object is kept there. True when something was removed."""
    with _anchor.lock:
        if key not in _anchor.values or (value is not None and _anchor.values[key] is not value):
            return False
        del _anchor.values[key]
        return True


def survives_reload(cls: type[T]) -> type[T]:
    """Class decorator: a module that is imported again gets the class of the first import.

    For classes whose identity crosses the reload: exceptions that running tasks raise and new code catches, enums
    that are compared by identity. An edit of such a class takes effect with the next start of the process.
    """
    return get_or_create(f"class:{cls.__module__}.{cls.__qualname__}", lambda: cls)
