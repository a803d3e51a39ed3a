"""Plain typed functions that other services may call: registered here, served by the API, called by the UI alike.

A function whose first parameter is named ``task`` receives the task's handle there (progress, cancel, log). A
parameter annotated :class:`InputFile` is a file: an upload through the API, bytes from a widget in the UI. A
generator function gives a partial result with each ``yield``; the last one is the result.

Knows neither FastAPI nor Streamlit, so that a module with functions imports fast everywhere.
"""

import importlib
import inspect
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar, get_args, get_origin, get_type_hints, overload

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model

from octostar_runtime import anchor
from octostar_runtime.errors import FunctionNotFound, InvalidInput, InvalidTask
from octostar_runtime.input_file import InputFile
from octostar_runtime.models.access import Role

P = ParamSpec("P")
R = TypeVar("R")
HANDLE = "task"
SEVERAL = (list, tuple, set, frozenset, Sequence)
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiFunction:
    """A registered function and what its signature says."""

    name: str
    fn: Callable[..., Any]
    path: str  # module:qualname
    summary: str
    description: str
    parameters: type[BaseModel]
    files: frozenset[str]
    many: frozenset[str]  # parameters that take several values; a form sends each in a part of its own
    returns: Any
    takes_handle: bool
    role: Role = Role.OPERATOR
    pool: str = "default"
    timeout_s: float | None = None
    tags: tuple[str, ...] = field(default=())

    def arguments(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return ``values`` validated and converted by the signature; InvalidInput names what is wrong."""
        try:
            return self.validated(values)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InvalidInput(f"{self.name}: {where}: {first['msg']}") from None

    def validated(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The same, with pydantic's own ValidationError, which tells every fault."""
        model = self.parameters.model_validate(dict(values))
        return {str(field.alias): getattr(model, name) for name, field in type(model).model_fields.items()}

    @property
    def types(self) -> dict[str, Any]:
        """The type of each parameter, by name."""
        return {str(field.alias): field.annotation for field in self.parameters.model_fields.values()}

    def __call__(self, task: Any, **kwargs: Any) -> Any:
        """Run as a task: what the task manager is given, with validated arguments."""
        result = self.fn(task, **kwargs) if self.takes_handle else self.fn(**kwargs)
        return _exhaust(task, result) if inspect.isgenerator(result) else result


class Functions:
    """The functions of this process, by name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_name: dict[str, ApiFunction] = {}
        self.generation = 0

    def add(self, function: ApiFunction) -> None:
        """Register; the same function may come again (a script that is run again), another one may not."""
        with self._lock:
            known = self._by_name.get(function.name)
            if known is not None and known.path != function.path:
                raise InvalidInput(
                    f"the API function {function.name!r} is already {known.path}; give {function.path} another name"
                )
            self._by_name[function.name] = function
            self.generation += 1
        # the task manager's register of functions by import path: any node can run it again
        by_path: dict[str, Callable[..., Any]] = anchor.get_or_create("task_registry", dict)
        by_path[function.path] = function

    def get(self, name: str) -> ApiFunction:
        """Return the function of that name; FunctionNotFound lists those there are."""
        found = self._by_name.get(name)
        if found is None:
            raise FunctionNotFound(f"no function is called {name!r}; see GET /api/functions")
        return found

    def all(self) -> tuple[ApiFunction, ...]:
        """Return the functions by name."""
        with self._lock:
            return tuple(self._by_name[name] for name in sorted(self._by_name))


def functions() -> Functions:
    """Return this process's functions; the same ones after a hot reload."""
    return anchor.get_or_create("functions", Functions)


@overload
def api_function(fn: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def api_function(
    *,
    name: str | None = None,
    role: str = "operator",
    pool: str = "default",
    timeout_s: float | None = None,
    tags: tuple[str, ...] = (),
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def api_function(
    fn: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    role: str = "operator",
    pool: str = "default",
    timeout_s: float | None = None,
    tags: tuple[str, ...] = (),
) -> Any:
    """Serve a plain typed function as ``POST /api/functions/{name}``; it stays callable as it is.

    ``role`` is the least role that may call it. InvalidTask when the signature cannot be served.
    """

    def register(plain: Callable[..., Any]) -> Callable[..., Any]:
        functions().add(describe(plain, name=name, role=role, pool=pool, timeout_s=timeout_s, tags=tags))
        return plain

    return register if fn is None else register(fn)


def describe(
    fn: Callable[..., Any],
    *,
    name: str | None = None,
    role: str = "operator",
    pool: str = "default",
    timeout_s: float | None = None,
    tags: tuple[str, ...] = (),
) -> ApiFunction:
    """Read a function's signature and docstring."""
    chosen = str(name or getattr(fn, "__name__", ""))
    if not _NAME.fullmatch(chosen):
        raise InvalidTask(f"{chosen!r} is no name for an API function; use small letters, digits, - and _")
    hints = get_type_hints(fn, include_extras=True)
    parameters = list(inspect.signature(fn).parameters.values())
    takes_handle = bool(parameters) and parameters[0].name == HANDLE
    fields: dict[str, Any] = {}
    for parameter in parameters[1:] if takes_handle else parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise InvalidTask(f"{chosen}: {parameter} cannot be sent by name; use plain named parameters")
        if parameter.name not in hints:
            raise InvalidTask(f"{chosen}: annotate the parameter {parameter.name!r}, its type checks what callers send")
        default = ... if parameter.default is parameter.empty else parameter.default
        # under names of our own: a parameter called "json" or "copy" must not meet those of the model
        fields[f"arg_{parameter.name}"] = (hints[parameter.name], Field(default, alias=parameter.name))
    named = [parameter.name for parameter in parameters[1 if takes_handle else 0 :]]
    doc = inspect.getdoc(fn) or ""
    summary, _, rest = doc.partition("\n\n")
    try:
        model = create_model(
            _model_name(chosen),
            __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=False),
            **fields,
        )
        returns = _returned(fn, hints.get("return", Any))
        TypeAdapter(returns)
    except Exception as error:
        raise InvalidTask(f"{chosen}: its signature cannot be served: {error}") from error
    return ApiFunction(
        name=chosen,
        fn=fn,
        path=f"{fn.__module__}:{getattr(fn, '__qualname__', chosen)}",
        summary=summary.replace("\n", " ") or chosen,
        description=rest,
        parameters=model,
        files=frozenset(name for name in named if _mentions(hints[name], InputFile)),
        many=frozenset(name for name in named if any(_mentions(hints[name], kind) for kind in SEVERAL)),
        returns=returns,
        takes_handle=takes_handle,
        role=Role.named(role),
        pool=pool,
        timeout_s=timeout_s,
        tags=tags,
    )


def load_functions(modules: str) -> None:
    """Import the modules named in ``OCTOSTAR_FUNCTIONS``, so that their functions register themselves."""
    for module in filter(None, (part.strip() for part in modules.split(","))):
        importlib.import_module(module)


def _exhaust(task: Any, steps: Iterator[Any]) -> Any:
    """Take a generator's values as partial results; stops between two of them when the task is cancelled."""
    latest: Any = None
    for latest in steps:
        fraction = getattr(latest, "progress", None)
        task.progress(fraction if isinstance(fraction, int | float) else None, partial=latest)
    return latest


def _returned(fn: Callable[..., Any], hint: Any) -> Any:
    if not inspect.isgeneratorfunction(fn):
        return hint
    arguments = getattr(hint, "__args__", ())
    return arguments[0] if arguments else Any


def _mentions(hint: Any, kind: Any) -> bool:
    """Whether a type is ``kind``, or a union, an annotation or a container of it."""
    return hint is kind or get_origin(hint) is kind or any(_mentions(part, kind) for part in get_args(hint))


def _model_name(name: str) -> str:
    return "".join(part.capitalize() for part in re.split("[-_]", name)) + "Arguments"
