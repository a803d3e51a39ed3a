"""What a run has given, as JSON."""

from typing import Any

import pydantic_core
from pydantic import BaseModel, Field

from octostar_runtime.api.backend import Backend
from octostar_runtime.errors import InvalidTransition, ResultExpired, TaskNotFound
from octostar_runtime.models.nodes import NodeState
from octostar_runtime.models.runs import RunRecord, RunState


class ResultAnswer(BaseModel):
    """A run's result: final once it has ended well, before that the newest partial one."""

    run_id: str
    state: RunState
    final: bool
    progress: float | None = None
    message: str | None = None
    data: Any = Field(None, description="what the function returned, or its newest partial result")


def result_of(backend: Backend, record: RunRecord) -> ResultAnswer:
    """Return the result. InvalidTransition when there will be none, ResultExpired when it was kept no longer."""
    if record.terminal and record.state is not RunState.SUCCESS:
        why = record.error or (record.cancel.reason if record.cancel else "") or "no reason was told"
        raise InvalidTransition(f"the run ended as {record.state.value}: {why}")
    if record.result_expired:
        raise ResultExpired("the result is kept no longer; run it again")
    return ResultAnswer(
        run_id=record.run_id,
        state=record.state,
        final=record.terminal,
        progress=record.progress,
        message=record.message,
        data=plain(_data(backend, record)),
    )


def plain(value: object) -> Any:
    """Return ``value`` as JSON can hold it; what JSON does not know becomes text, NaN becomes null."""
    encoded = pydantic_core.to_json(value, serialize_unknown=True, inf_nan_mode="null", bytes_mode="base64")
    return pydantic_core.from_json(encoded)


def _data(backend: Backend, record: RunRecord) -> object:
    try:
        own = backend.tasks.run(record.run_id)
        return backend.tasks.get_result(own.task_id)["data"]
    except ResultExpired:
        raise
    except TaskNotFound:
        if not record.terminal:
            return None
        raise _elsewhere(backend, record.node_id) from None


def _elsewhere(backend: Backend, node_id: str) -> InvalidTransition | ResultExpired:
    there = next((node for node in backend.fleet.snapshot.nodes if node.node_id == node_id), None)
    if there is None or there.state in (NodeState.LOST, NodeState.STOPPED):
        return ResultExpired("the result went with the process that held it, which has ended; run it again")
    return InvalidTransition(f"the result is kept by node {node_id}; only states travel")
