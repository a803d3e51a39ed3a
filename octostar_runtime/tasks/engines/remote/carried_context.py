"""Context variables across processes, as far as they can go.

A variable that the function itself uses goes along by value, whatever module made it; one of an importable module that
has a value is set in the child when the child has that module. Values that cannot be pickled stay behind.
"""

import copyreg
import pickle
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, Token, copy_context
from typing import Any

import cloudpickle

from octostar_runtime.ids import new_id

#: ``(token, packed value)`` of variables that went along by value; ``(module, name, packed value)`` of importable ones.
Carried = tuple[tuple[tuple[str, bytes], ...], tuple[tuple[str, str, bytes], ...]]
_OURS = "octostar_runtime."
_VALUE_BYTES = 64 * 1024
_local = threading.local()
_lock = threading.Lock()
_KEPT = 1_000  # variables known at once; there are seldom more than a handful
_tokens: dict[ContextVar[Any], str] = {}
_rebuilt: dict[str, ContextVar[Any]] = {}
_homes: dict[ContextVar[Any], tuple[str, str] | None] = {}


@contextmanager
def picklers_for_variables() -> Iterator[dict[str, ContextVar[Any]]]:
    """Let pickles made in this block hold context variables; yields those that were met."""
    met: dict[str, ContextVar[Any]] = {}
    _local.met = met
    try:
        yield met
    finally:
        _local.met = None


def carried(context: Context | None, met: dict[str, ContextVar[Any]]) -> Carried:
    """Return the values that a context has for the variables that were met and for those of importable modules."""
    by_value, by_name = [], []
    for variable, value in (copy_context() if context is None else context).items():
        token = _tokens.get(variable)
        home = None if token in met else _home_of(variable)
        if token not in met and (home is None or home[0].startswith(_OURS)):
            continue
        try:
            packed = cloudpickle.dumps(value)
        except Exception:  # noqa: BLE001 - it cannot go along
            continue
        if len(packed) > _VALUE_BYTES:
            continue
        if home is None and token is not None:
            by_value.append((token, packed))
        elif home is not None:
            by_name.append((*home, packed))
    return tuple(by_value), tuple(by_name)


def restore(values: Carried) -> None:
    """Set what was carried in the present context; what does not fit here is left out."""
    by_value, by_name = values
    for token, packed in by_value:
        _set(_known(token), packed)
    for module, name, packed in by_name:
        _set(getattr(sys.modules.get(module), name, None), packed)


def _set(variable: Any, packed: bytes) -> Token[Any] | None:
    if type(variable) is not ContextVar:
        return None
    try:
        return variable.set(pickle.loads(packed))
    except Exception:  # noqa: BLE001 - its type is not known here
        return None


def _home_of(variable: ContextVar[Any]) -> tuple[str, str] | None:
    """Return the module and the name under which a variable can be found, None when it cannot."""
    if variable not in _homes:
        _bound(_homes)
        _homes[variable] = next(
            (
                (module_name, name)
                for module_name, module in list(sys.modules.items())
                if module_name != "__main__" and module is not None
                for name, value in list(getattr(module, "__dict__", {}).items())
                if value is variable
            ),
            None,
        )
    return _homes[variable]


def _reduce(variable: ContextVar[Any]) -> Any:
    met = getattr(_local, "met", None)
    if met is None:
        raise TypeError("cannot pickle 'ContextVar' object")
    with _lock:
        _bound(_tokens)
        token = _tokens.setdefault(variable, new_id())
    met[token] = variable
    try:
        default: tuple[Any, ...] = (Context().run(variable.get),)
    except LookupError:
        default = ()
    return _rebuild, (token, variable.name, default)


def _rebuild(token: str, name: str, default: tuple[Any, ...]) -> ContextVar[Any]:
    with _lock:
        known = _known(token)
        if known is None:
            _bound(_rebuilt)
            known = _rebuilt[token] = ContextVar(name, default=default[0]) if default else ContextVar(name)
        return known


def _known(token: str) -> ContextVar[Any] | None:
    # it may have come home, to the process that gave it the token
    home = next((variable for variable, its_token in list(_tokens.items()) if its_token == token), None)
    return home if home is not None else _rebuilt.get(token)


def _bound(known: dict[Any, Any]) -> None:
    while len(known) >= _KEPT:
        del known[next(iter(known))]


copyreg.pickle(ContextVar, _reduce)
