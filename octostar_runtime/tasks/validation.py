"""What submit() refuses, each with a typed error that names the fix. Runs in the caller's thread, before any lock."""

import math
from collections.abc import Hashable, Iterable, Mapping
from datetime import timedelta
from types import FunctionType, MethodType
from typing import Any

from octostar_runtime.errors import InvalidInput, InvalidTask
from octostar_runtime.tasks.run import DEFAULT_OPTIONS, RunOptions

_ID_CHARS = 500
_NAME_CHARS = 200
_TAGS = 32
_TAG_CHARS = 100
_VARARGS, _VARKEYWORDS = 0x04, 0x08
_GENERATORS = 0x20 | 0x200  # plain and asynchronous
_PRIORITY = 1_000_000_000


def check_task_id(task_id: Hashable) -> None:
    """Refuse ids that cannot name a task."""
    if type(task_id) is str:
        if not task_id.strip():
            raise InvalidTask("a task id must not be empty; give each task a text of its own")
        if len(task_id) > _ID_CHARS:
            raise InvalidTask(f"a task id may have {_ID_CHARS} characters, not {len(task_id)}")
        return
    if task_id is None:
        raise InvalidTask("a task id must not be None; give each task a text of its own")
    try:
        hash(task_id)
    except TypeError:
        raise InvalidTask(f"a task id must be hashable, not {type(task_id).__name__}; use a text") from None


def check_callable(task_id: Hashable, fn: Any, kwargs: Any) -> dict[str, Any] | None:
    """Refuse what cannot be called as ``fn(handle, **kwargs)``; return a copy of the arguments."""
    if not callable(fn):
        raise InvalidTask(
            f"task {task_id!r}: submit a function, not {type(fn).__name__}; it is called as fn(handle, …)"
        )
    copied = _checked_kwargs(task_id, kwargs) if kwargs else None
    plain, offset = (fn.__func__, 1) if type(fn) is MethodType else (fn, 0)
    if type(plain) is FunctionType:
        _check_fit(task_id, plain, offset + 1, copied)
    return copied


def _checked_kwargs(task_id: Hashable, kwargs: Any) -> dict[str, Any]:
    if not isinstance(kwargs, Mapping):
        raise InvalidTask(f"task {task_id!r}: kwargs must be a dictionary of arguments, not {type(kwargs).__name__}")
    copied = dict(kwargs)
    for name in copied:
        if not isinstance(name, str):
            raise InvalidTask(f"task {task_id!r}: argument names must be texts, not {name!r}")
    return copied


def _check_fit(task_id: Hashable, fn: FunctionType, positional: int, kwargs: dict[str, Any] | None) -> None:
    """Compare the call with the signature, as far as that is cheap."""
    code = fn.__code__
    if code.co_flags & _GENERATORS:
        raise InvalidTask(
            f"task {task_id!r}: {fn.__qualname__}() yields, so calling it would run nothing; hand out what it has with "
            "handle.output() or handle.progress(partial=…), and return the rest"
        )
    taken = code.co_argcount
    if taken < positional and not code.co_flags & _VARARGS:
        raise InvalidTask(
            f"task {task_id!r}: {fn.__qualname__}() must take the task's handle as its first argument; "
            "write def task(handle, …)"
        )
    required = taken - len(fn.__defaults__ or ())
    if kwargs is None and required <= positional and not code.co_kwonlyargcount:
        return
    names = code.co_varnames[: taken + code.co_kwonlyargcount]
    given = kwargs or {}
    optional = fn.__kwdefaults__ or {}
    missing = [name for name in names[positional:required] if name not in given]
    missing += [name for name in names[taken:] if name not in given and name not in optional]
    if missing:
        raise InvalidTask(f"task {task_id!r}: {fn.__qualname__}() needs the argument {missing[0]!r}; put it in kwargs")
    clash = [name for name in names[: min(positional, taken)] if name in given]
    if clash and not names.index(clash[0]) < code.co_posonlyargcount:
        raise InvalidTask(f"task {task_id!r}: {clash[0]!r} is where the handle goes; rename the argument")
    if not code.co_flags & _VARKEYWORDS:
        callable_by_name = set(names[code.co_posonlyargcount :])
        unknown = [name for name in given if name not in callable_by_name]
        if unknown:
            raise InvalidTask(f"task {task_id!r}: {fn.__qualname__}() has no argument {unknown[0]!r}")


def checked_options(
    *,
    priority: int,
    timeout_s: float | None,
    retries: int,
    backoff_s: float,
    backoff_max_s: float,
    on_session_end: str,
    tags: Iterable[str],
    resources: Mapping[str, float] | None = None,
) -> RunOptions:
    """Return the options, the shared ones when nothing special is asked for."""
    _require_int("priority", priority)
    _require_int("retries", retries)
    if not -_PRIORITY <= priority <= _PRIORITY:
        raise InvalidInput(
            f"priority must be -{_PRIORITY:,}..{_PRIORITY:,}, not {priority!r}; most apps need -1, 0 and 1"
        )
    if not 0 <= retries <= 1_000:
        raise InvalidInput(f"retries must be 0..1000, not {retries!r}")
    if timeout_s is not None and not (_is_number(timeout_s) and timeout_s > 0):
        raise InvalidInput(f"timeout_s must be seconds above 0 or None, not {timeout_s!r}")
    if not (_is_number(backoff_s) and backoff_s >= 0 and _is_number(backoff_max_s) and backoff_max_s >= 0):
        raise InvalidInput("backoff_s and backoff_max_s must be seconds, at least 0")
    if on_session_end not in ("cancel", "keep"):
        raise InvalidInput(f'on_session_end must be "cancel" or "keep", not {on_session_end!r}')
    if isinstance(tags, str) or not isinstance(tags, Iterable):
        raise InvalidInput('tags must be a list of texts, e.g. tags=["import"]')
    tags = tuple(tags)
    if not all(isinstance(tag, str) and tag for tag in tags):
        raise InvalidInput('tags must be a list of texts, e.g. tags=["import"]')
    if any(len(tag) > _TAG_CHARS for tag in tags):
        raise InvalidInput(f"a tag may have {_TAG_CHARS} characters; put longer texts into the arguments")
    if len(tags) > _TAGS:
        raise InvalidInput(f"a run may have {_TAGS} tags, not {len(tags)}")
    options = RunOptions(
        priority=priority,
        timeout_s=float(timeout_s) if timeout_s is not None else None,
        max_attempts=retries + 1,
        backoff_s=float(backoff_s),
        backoff_max_s=float(backoff_max_s),
        on_session_end=on_session_end,
        tags=tags,
        resources=_checked_resources(resources) if resources else (),
    )
    return DEFAULT_OPTIONS if options == DEFAULT_OPTIONS else options


def _checked_resources(resources: Any) -> tuple[tuple[str, float], ...]:
    fits = isinstance(resources, Mapping) and all(
        isinstance(name, str) and name and _is_number(amount) and amount > 0 for name, amount in resources.items()
    )
    if not fits:
        raise InvalidInput(f'resources must be amounts above 0 by name, e.g. {{"GPU": 1}}, not {resources!r}')
    return tuple((name, float(amount)) for name, amount in sorted(resources.items()))


def timeout_seconds(timeout: Any, timeout_s: Any) -> Any:
    """Return ``timeout`` in seconds; refuse two of them."""
    if timeout_s is not None:
        raise InvalidInput("give timeout or timeout_s, not both")
    return timeout.total_seconds() if isinstance(timeout, timedelta) else timeout


def session_named(session: Any, session_id: Any) -> str:
    """Return the session's id; refuse two of them."""
    if session_id is not None:
        raise InvalidInput("give session or session_id, not both")
    if not isinstance(session, str) or not session:
        raise InvalidInput(f"session must be the text of a session's id, not {session!r}")
    return session


def check_owner(session_id: Any, user: Any) -> None:
    """Refuse sessions and users that are no text."""
    if session_id is not None and (not isinstance(session_id, str) or not session_id):
        raise InvalidInput(f"session_id must be the text of a session's id or None, not {session_id!r}")
    if user is not None and not isinstance(user, str):
        raise InvalidInput(f"user must be a text or None, not {user!r}")


def checked_name(name: Any) -> str:
    """Refuse names that are no text."""
    if not isinstance(name, str) or not name.strip():
        raise InvalidInput(f"name must be a text that people can read, not {name!r}")
    return name[:_NAME_CHARS]


def checked_size(size: Any, what: str) -> int:
    """Refuse pool sizes below 1."""
    _require_int(what, size)
    if not 1 <= size <= 1_000:
        raise InvalidInput(f"{what} must be 1..1000, not {size}: a pool without workers would never run anything")
    return int(size)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _require_int(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidInput(f"{name} must be a whole number, not {value!r}")
