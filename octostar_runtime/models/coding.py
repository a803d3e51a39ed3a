"""Sessions, pools, services, callbacks and samples as JSON, and back: whatever a node says of itself.

Works from the dataclasses' own annotations, so that a new field needs nothing here. What a newer release wrote and
this one does not know is left out; what an older one did not write takes its default.
"""

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
_known: dict[type, dict[str, Any]] = {}


def encode(value: object) -> Any:
    """Return JSON values for a dataclass, an enum, or a sequence of them; defaults are left out."""
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        kept = ((field, getattr(value, field.name)) for field in fields(value))
        return {field.name: encode(item) for field, item in kept if item is not field.default}
    if isinstance(value, list | tuple | frozenset | set):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key.value if isinstance(key, Enum) else key): encode(item) for key, item in value.items()}
    return value


def decode(kind: type[T], data: Mapping[str, Any]) -> T:
    """Return the dataclass ``kind`` that :func:`encode` wrote; TypeError or ValueError when it does not fit."""
    hints = _hints(kind)
    return kind(**{name: _decoded(hints[name], value) for name, value in data.items() if name in hints})


def _hints(kind: type) -> dict[str, Any]:
    hints = _known.get(kind)
    if hints is None:
        hints = _known[kind] = get_type_hints(kind)
    return hints


def _decoded(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _decoded(next(a for a in get_args(hint) if a is not type(None)), value)
    if origin is tuple:
        item, *rest = get_args(hint)
        if rest == [...]:
            return tuple(_decoded(item, each) for each in value)
        return tuple(_decoded(each, part) for each, part in zip(get_args(hint), value, strict=True))
    if origin is frozenset:
        return frozenset(value)
    if isinstance(hint, type):
        if issubclass(hint, Enum):
            return hint(value)
        if is_dataclass(hint):
            return decode(hint, value)
    return value
