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


def _anchor() -> Any:
    return sys.modules.setdefault(_NAME, sys.modules.get(_NAME) or _Anchor())


def get(key: str) -> Any:
    """Return what is kept under ``key``, None when nothing is."""
    return _anchor().values.get(key)


def put(key: str, value: object) -> None:
    """Keep ``value`` under ``key``, in the place of what was there."""
    anchor = _anchor()
    with anchor.lock:
        anchor.values[key] = value


def get_or_create(key: str, factory: Callable[[], T]) -> T:
    """Return what is kept under ``key``; when nothing is, keep what ``factory()`` makes. One call wins."""
    anchor = _anchor()
    with anchor.lock:
        if anchor.values.get(key) is None:
            anchor.values[key] = factory()
        kept: T = anchor.values[key]
        return kept


def remove(key: str, value: object = None) -> bool:
    """Forget ``key``; with ``value`` only when that very object is kept there. True when something was removed."""
    anchor = _anchor()
    with anchor.lock:
        if key not in anchor.values or (value is not None and anchor.values[key] is not value):
            return False
        del anchor.values[key]
        return True


def survives_reload(cls: type[T]) -> type[T]:
    """Class decorator: a module that is imported again gets the class of the first import.

    For classes whose identity crosses the reload: exceptions that running tasks raise and new code catches, enums
    that are compared by identity. An edit of such a class takes effect with the next start of the process.
    """
    return get_or_create(f"class:{cls.__module__}.{cls.__qualname__}", lambda: cls)
