"""Short texts for people about functions, arguments and errors.

Never calls a method of a foreign object's own (its ``__repr__`` may be slow, or lie), except ``str(error)``, guarded.
Secrets are hidden by the name of the argument or the key that holds them.
"""

import functools
import re
import traceback
from collections.abc import Mapping
from types import FunctionType, TracebackType
from typing import Any

HIDDEN = "•••"
_ARGUMENTS_CHARS = 500
_TEXT_CHARS = 80
_ITEMS = 8
_DEPTH = 3
_ERROR_CHARS = 2_000
_TRACEBACK_CHARS = 20_000
_PLAIN = (bool, int, float, complex, type(None))


def function_name(fn: Any) -> str:
    """Return what to call a run of ``fn`` when nobody named it."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    if type(fn) is FunctionType:
        return fn.__qualname__
    name = getattr(fn, "__qualname__", None) or getattr(type(fn), "__qualname__", None)
    return str(name)


def held_by_a_module(fn: Any) -> bool:
    """Whether ``fn`` is a function that its module keeps alive anyway, unlike a closure or a script's own function."""
    return (
        type(fn) is FunctionType
        and "<" not in fn.__qualname__
        and "." not in fn.__qualname__
        and fn.__module__ != "__main__"
    )


def short_name(name: str) -> str:
    """Return a name without the functions it was defined in."""
    return name.rpartition("<locals>.")[2] or name


def arguments_text(kwargs: Mapping[str, Any] | None, redact: re.Pattern[str]) -> str:
    """Return ``name=value, …`` for people, secrets hidden, at most 500 characters."""
    if not kwargs:
        return ""
    parts = []
    length = 0
    for name, value in kwargs.items():
        shown = HIDDEN if redact.search(name) else _value(value, redact, 0)
        parts.append(f"{name}={shown}")
        length += len(parts[-1]) + 2
        if length > _ARGUMENTS_CHARS:
            break
    return _shortened(", ".join(parts), _ARGUMENTS_CHARS)


def error_text(error: BaseException) -> str:
    """Return the error's own sentence, at most 2,000 characters; never raises."""
    try:
        return _shortened(str(error), _ERROR_CHARS)
    except Exception:  # noqa: BLE001 - a foreign __str__
        return f"<{type(error).__name__} that cannot be shown>"


def error_type(error: BaseException) -> str:
    """Return the error's type, with its module unless that is builtins."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def traceback_text(error: BaseException, skip_frames_of: str) -> str:
    """Return the traceback as text, without our own leading frames, the middle cut out when it is very long."""
    try:
        frames = error.__traceback__
        while frames is not None and frames.tb_next is not None and _is_ours(frames, skip_frames_of):
            frames = frames.tb_next
        text = "".join(traceback.format_exception(type(error), error, frames))
    except Exception:  # noqa: BLE001 - a foreign __str__ or __notes__
        return f"{error_type(error)} (its traceback cannot be shown)\n"
    if len(text) <= _TRACEBACK_CHARS:
        return text
    half = _TRACEBACK_CHARS // 2
    return f"{text[:half]}\n  … {len(text) - 2 * half} characters left out …\n{text[-half:]}"


def forget_frames(error: BaseException) -> None:
    """Let go of the frames that an error, and those it came from, keep alive."""
    pending: list[BaseException | None] = [error]
    seen: set[int] = set()
    while pending:
        one = pending.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.__traceback__ = None
        pending += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            pending += one.exceptions


def _is_ours(frames: TracebackType, package: str) -> bool:
    return str(frames.tb_frame.f_globals.get("__name__", "")).startswith(package)


def _value(value: Any, redact: re.Pattern[str], depth: int) -> str:
    if isinstance(value, str):
        return _shortened(repr(value[: _TEXT_CHARS + 1]), _TEXT_CHARS)
    if type(value) in _PLAIN:
        return _shortened(repr(value), _TEXT_CHARS) if not isinstance(value, int) else _integer(value)
    if isinstance(value, bytes | bytearray):
        return f"<{len(value)} bytes>"
    if isinstance(value, dict) and depth < _DEPTH:
        pairs = []
        for key, item in list(value.items())[:_ITEMS]:
            hidden = isinstance(key, str) and redact.search(key)
            pairs.append(f"{_value(key, redact, depth + 1)}: {HIDDEN if hidden else _value(item, redact, depth + 1)}")
        return "{" + ", ".join(pairs) + _rest(len(value)) + "}"
    if type(value) in (list, tuple, set, frozenset) and depth < _DEPTH:
        items = [_value(item, redact, depth + 1) for item in list(value)[:_ITEMS]]
        return "[" + ", ".join(items) + _rest(len(value)) + "]"
    if isinstance(value, list | tuple | dict | set | frozenset):
        return f"<{type(value).__name__} of {len(value)}>"
    return f"<{type(value).__qualname__}>"


def _integer(value: int) -> str:
    # the text of a huge number takes long, and Python refuses beyond 4,300 digits
    return str(value) if value.bit_length() < 200 else f"<{value.bit_length()}-bit number>"


def _rest(count: int) -> str:
    return f", … {count - _ITEMS} more" if count > _ITEMS else ""


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
