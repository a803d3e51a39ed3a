"""Functions as APIs: every function registered with ``@api_function``."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, Field, TypeAdapter
from starlette.concurrency import run_in_threadpool

from octostar_runtime.api import calls
from octostar_runtime.api.arguments import read_arguments
from octostar_runtime.api.auth import CALLS, Caller, CallReader
from octostar_runtime.api.context import Surroundings
from octostar_runtime.api.lists import reply
from octostar_runtime.api.results import ResultAnswer, result_of
from octostar_runtime.errors import NotAllowed
from octostar_runtime.functions import ApiFunction, functions
from octostar_runtime.models.access import Principal
from octostar_runtime.models.runs import RunRecord, RunState

router = APIRouter(prefix="/api/functions", tags=["functions"])
#: How long an answer is held at most: proxies and clients give up on longer ones.
MAX_WAIT_S = 60.0


class FunctionInfo(BaseModel):
    """A function that can be called."""

    name: str
    summary: str
    description: str
    path: str = Field(description="where to POST a call")
    role: str = Field(description="the least role that may call it")
    files: list[str] = Field(description="parameters that are files; send them as multipart/form-data")
    parameters: dict[str, Any] = Field(description="JSON Schema of the parameters")
    returns: dict[str, Any] = Field(description="JSON Schema of the result")


@router.get("", summary="List functions")
def list_functions(api: Surroundings, caller: CallReader) -> list[FunctionInfo]:
    """List the functions of this service with the schemas of what they take and give."""
    return [_info(function, api.backend.settings.base_path) for function in functions().all()]


@router.post("/{name}", include_in_schema=False)
async def call_function(
    request: Request,
    api: Surroundings,
    caller: Caller,
    name: str,
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT_S)] = 0.0,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
) -> Response:
    """Start a run of the function; the documentation has one entry for each function instead of this one."""
    function = functions().get(name)
    _require(function, caller)
    file_bytes = api.backend.settings.upload_mb << 20
    values, digest, folder = await read_arguments(request, function, api.uploads, file_bytes=file_bytes)
    started = False
    try:
        arguments = calls.validated(function, values)
        with api.backend.spans.request(request.headers, f"POST /api/functions/{function.name}"):
            run_id, started = await run_in_threadpool(
                _start, api, function, arguments, folder, caller, idempotency_key, digest
            )
    finally:
        if folder is not None and not started:
            await run_in_threadpool(api.uploads.drop, folder)
    record, here = await calls.ended(api, run_id, wait)
    headers = {"Location": f"{api.backend.settings.base_path}/api/runs/{run_id}"}
    # a repeat may lead to a run of another process: what it gave is not here, but that it ended well is
    if wait and record.terminal and (here or record.state is not RunState.SUCCESS):
        answer = await run_in_threadpool(result_of, api.backend, record)
        return reply(ResultAnswer, answer, headers=headers)
    return reply(RunRecord, record, status=202, headers=headers)


def _start(
    api: Surroundings,
    function: ApiFunction,
    arguments: dict[str, Any],
    folder: Any,
    caller: Principal,
    key: str | None,
    digest: str,
) -> tuple[str, bool]:
    if key is None:
        return calls.start(api, function, arguments, folder, caller), True
    scoped = f"{caller.name}\n{function.name}\n{key}"
    return api.keys.run_once(scoped, digest, lambda: calls.start(api, function, arguments, folder, caller))


def _require(function: ApiFunction, caller: Principal) -> None:
    if caller.may(function.role, CALLS):
        return
    if caller.role >= function.role:
        raise NotAllowed(f"this token lacks the scope {CALLS!r}")
    raise NotAllowed(f"{caller.name} is {caller.role.name.lower()}; {function.name} needs {function.role.name.lower()}")


def _info(function: ApiFunction, base_path: str) -> FunctionInfo:
    return FunctionInfo(
        name=function.name,
        summary=function.summary,
        description=function.description,
        path=f"{base_path}/api/functions/{function.name}",
        role=function.role.name.lower(),
        files=sorted(function.files),
        parameters=function.parameters.model_json_schema(),
        returns=TypeAdapter(function.returns).json_schema(mode="serialization"),
    )
