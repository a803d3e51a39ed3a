"""Functions that any node can run, because they are known by their import path.

``@task`` on a function of a module lets its runs be retried on another node when their own is gone, given arguments
that are JSON values. What a name resolves to is only ever a function that its module registered.
"""

import importlib
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

from octostar_runtime import anchor
from octostar_runtime.errors import InvalidTask, NotRetriable

F = TypeVar("F", bound=Callable[..., Any])
_ATTRIBUTE = "__octostar_task__"
_ARGUMENT_CHARS = 64 * 1024


class TaskSpec:
    """What ``@task`` said of a function."""

    __slots__ = ("name", "path", "pool")

    def __init__(self, path: str, name: str | None, pool: str | None) -> None:
        self.path = path
        self.name = name
        self.pool = pool


@overload
def task(fn: F, /) -> F: ...


@overload
def task(*, name: str | None = None, pool: str | None = None) -> Callable[[F], F]: ...


def task(fn: Any = None, /, *, name: str | None = None, pool: str | None = None) -> Any:
    """Register a function of a module under its import path, with a name for people and a pool of its own.

    The function itself is returned unchanged; submit it as any other. InvalidTask for what has no import path.
    """

    def register(function: F) -> F:
        module, qualname = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
        if not callable(function) or not qualname or "<" in qualname:
            raise InvalidTask("@task needs a function at the top level of a module, which other processes can import")
        spec = TaskSpec(f"{module}:{qualname}", name, pool)
        setattr(function, _ATTRIBUTE, spec)
        _registered()[spec.path] = function
        return function

    return register if fn is None else register(fn)


def spec_of(fn: Any) -> TaskSpec | None:
    """Return what ``@task`` said of ``fn``, None when it was not decorated."""
    spec = getattr(fn, _ATTRIBUTE, None)
    return spec if spec.__class__.__name__ == "TaskSpec" else None


def path_of(fn: Any) -> str | None:
    """Return the import path of a registered function, None of any other."""
    spec = spec_of(fn)
    if spec is not None:
        return spec.path
    path = getattr(fn, "path", None)  # other registries' callables name theirs the same way
    return path if isinstance(path, str) and path.count(":") == 1 else None


def resolve(path: str) -> Callable[..., Any]:
    """Return the function registered under an import path, importing its module at need; NotRetriable says why not."""
    registered = _registered()
    if path not in registered:
        module = path.partition(":")[0]
        if module == "__main__":
            raise NotRetriable(f"{path} was defined in a script; put the function into a module that can be imported")
        try:
            importlib.import_module(module)
        except Exception as error:
            raise NotRetriable(f"{module} cannot be imported here: {error}") from error
    found: Callable[..., Any] | None = registered.get(path)
    if found is None:
        raise NotRetriable(f"{path} is not registered with @task in this process")
    return found


def portable_text(kwargs: Mapping[str, Any] | None) -> str | None:
    """Return the arguments as JSON when that loses nothing, else None."""
    values = dict(kwargs or {})
    try:
        text = json.dumps(values, allow_nan=False)
        same = len(text) <= _ARGUMENT_CHARS and json.loads(text) == values
    except (TypeError, ValueError, RecursionError):
        return None
    return text if same else None


def _registered() -> dict[str, Callable[..., Any]]:
    return anchor.get_or_create("task_registry", dict)
