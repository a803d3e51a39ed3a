"""Values as bytes that another process can read: by value where it could not import them, as a script's functions.

Used in the submitting thread, so that what cannot travel is told where it was given, and in the child for results.
"""

import pickle
from collections.abc import Callable, Mapping
from contextvars import Context
from types import CodeType, FunctionType, MethodType
from typing import Any

import cloudpickle

from octostar_runtime.errors import NotPortable
from octostar_runtime.tasks.describe import function_name
from octostar_runtime.tasks.engines.remote.carried_context import carried, picklers_for_variables

Call = tuple[Callable[..., Any], Mapping[str, Any] | None, Any]
_CAUSE_CHARS = 300


def pack_call(fn: Callable[..., Any], kwargs: Mapping[str, Any] | None, context: Context | None) -> bytes:
    """Return a function and its arguments as bytes; NotPortable names the argument that cannot be sent."""
    with picklers_for_variables() as met:
        try:
            body = cloudpickle.dumps((fn, kwargs))
        except Exception as error:  # noqa: BLE001 - whatever a foreign __reduce__ raises
            raise _told(fn, kwargs, error) from None
    return pickle.dumps((body, carried(context, met)), protocol=5)


def unpack_call(packed: bytes) -> Call:
    """Return the function, its arguments, and the context variables to set, as ``pack_call`` got them."""
    body, variables = pickle.loads(packed)
    fn, kwargs = pickle.loads(body)
    return fn, kwargs, variables


def pack_value(value: Any, what: str) -> bytes:
    """Return a value as bytes; NotPortable says that ``what`` cannot be sent."""
    try:
        return bytes(cloudpickle.dumps(value))
    except Exception as error:  # noqa: BLE001
        raise NotPortable(
            f"{what} cannot be sent to another process: {_cause(error)}; return plain data, or use a thread pool"
        ) from None


def unpack_value(packed: bytes) -> Any:
    """Return what ``pack_value`` got."""
    return pickle.loads(packed)


def portable(value: Any) -> bool:
    """Whether a value can be sent."""
    try:
        cloudpickle.dumps(value)
    except Exception:  # noqa: BLE001
        return False
    return True


def _told(fn: Callable[..., Any], kwargs: Mapping[str, Any] | None, error: Exception) -> NotPortable:
    """Find out what it was, so that the message can name it."""
    for name, value in (kwargs or {}).items():
        if not portable(value):
            return _refusal(f"the argument {name!r}", name, value, error)
    for name, value in _uses(fn).items():
        if value is not fn and not portable(value):
            return _refusal(f"{name!r}, which {function_name(fn)}() uses,", name, value, error)
    return _refusal(f"the function {function_name(fn)}()", None, fn, error)


def _refusal(what: str, name: str | None, value: Any, error: Exception) -> NotPortable:
    kind = f" ({type(value).__qualname__})" if name is not None else ""
    return NotPortable(
        f"{what}{kind} cannot be sent to another process: {_cause(error)}; pass plain data and open files, locks and "
        "connections in the task, or use a thread pool",
        argument=name,
    )


def _cause(error: Exception) -> str:
    try:
        text = str(error).splitlines()[0] if str(error) else ""
    except Exception:  # noqa: BLE001 - a foreign __str__
        text = ""
    return (text or type(error).__name__)[:_CAUSE_CHARS].rstrip(".")


def _uses(fn: Any) -> dict[str, Any]:
    """Return the variables of its surroundings that a function uses, by name."""
    if type(fn) is MethodType:
        return {"self": fn.__self__, **_uses(fn.__func__)}
    if type(fn) is not FunctionType:
        return dict(getattr(fn, "__dict__", None) or {})
    found: dict[str, Any] = {}
    for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=False):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    for position, default in enumerate(fn.__defaults__ or ()):
        names = fn.__code__.co_varnames[: fn.__code__.co_argcount]
        found.setdefault(names[len(names) - len(fn.__defaults__ or ()) + position], default)
    for name in _global_names(fn.__code__):
        if name in fn.__globals__:
            found.setdefault(name, fn.__globals__[name])
    return found


def _global_names(code: CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _global_names(constant)
    return names
