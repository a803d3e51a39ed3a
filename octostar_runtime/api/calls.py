"""A call of an API function becomes a run of the task manager."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
from anyio.to_thread import run_sync
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from octostar_runtime.api.backend import Backend
from octostar_runtime.api.context import Api
from octostar_runtime.errors import InvalidInput, TaskNotFound
from octostar_runtime.functions import ApiFunction
from octostar_runtime.ids import new_id
from octostar_runtime.models.access import Principal
from octostar_runtime.models.runs import RunRecord

#: Calls that may wait for their result at once; more get 202 at once.
WAITERS = 64
SLICE_S = 1.0
#: How often the store is asked for a run of another node.
ELSEWHERE_S = 0.5


class WithUploads:
    """The function as a task: removes its uploads once it has ended well."""

    def __init__(self, function: ApiFunction, folder: Path) -> None:
        self._function = function
        self._folder = folder
        self.__qualname__ = function.name

    def __call__(self, task: Any, **kwargs: Any) -> Any:
        if not self._folder.is_dir():
            raise InvalidInput("the uploaded files of this run are kept no longer; send them again")
        result = self._function(task, **kwargs)
        shutil.rmtree(self._folder, ignore_errors=True)
        return result


def validated(function: ApiFunction, values: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments by the function's signature; RequestValidationError names each field at fault."""
    faults = _lookalikes(function, values)
    arguments: dict[str, Any] = {}
    try:
        arguments = function.validated(values)
    except ValidationError as error:
        faults += [{**item, "loc": ("body", *item["loc"])} for item in error.errors(include_url=False)]
    if faults:
        raise RequestValidationError(list({str(fault["loc"]): fault for fault in faults}.values()))
    return arguments


def _lookalikes(function: ApiFunction, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what Python would take for a number or a truth value but the documented schema does not."""
    faults = []
    for name, wanted in function.types.items():
        value = values.get(name)
        if (wanted in (int, float) and isinstance(value, bool | str)) or (
            wanted is bool and value is not None and not isinstance(value, bool)
        ):
            kind = "a truth value" if wanted is bool else "a number"
            faults.append({"type": "lookalike", "loc": ("body", name), "msg": f"must be {kind}"})
    return faults


def start(api: Api, function: ApiFunction, arguments: dict[str, Any], folder: Path | None, caller: Principal) -> str:
    """Submit the call and return its run's id."""
    run_id = api.backend.tasks.submit(
        f"api:{function.name}:{new_id()}",
        function if folder is None else WithUploads(function, folder),
        arguments,
        name=function.name,
        pool=function.pool,
        user=caller.name,
        timeout_s=function.timeout_s,
        on_session_end="keep",
        tags=("api", *function.tags),
    )
    if folder is not None:
        api.uploads.belongs_to(folder, run_id)
    return run_id


def runtime_holds(runtime: Backend) -> Callable[[str], bool]:
    """Return what tells whether a run has yet to end in this process."""

    def is_live(run_id: str) -> bool:
        try:
            return not runtime.tasks.run(run_id).terminal
        except TaskNotFound:
            return False

    return is_live


async def ended(api: Api, run_id: str, wait_s: float) -> tuple[RunRecord, bool]:
    """Return the run once it has ended, or as it is after ``wait_s`` seconds, at a shutdown, or when many wait.

    Says, too, whether this process holds it, and with it its result. TaskNotFound when it is kept nowhere.
    """
    record, here = await run_sync(_look, api.backend, run_id)
    if api.waiters.available_tokens < 1:
        return record, here
    deadline = anyio.current_time() + wait_s
    while not record.terminal and not api.stopping.requested and (left := deadline - anyio.current_time()) > 0:
        if here:
            await run_sync(api.backend.tasks.wait_run, run_id, min(left, SLICE_S), limiter=api.waiters)
        else:  # a repeat of a call that another node took
            await anyio.sleep(min(left, ELSEWHERE_S))
        record, here = await run_sync(_look, api.backend, run_id)
    return record, here


def _look(backend: Backend, run_id: str) -> tuple[RunRecord, bool]:
    try:
        return backend.tasks.run(run_id), True
    except TaskNotFound:
        record = backend.store.runs.get(run_id)
    if record is None:
        raise TaskNotFound(f"no run {run_id!r} is kept; it may have been pruned")
    return record, False
