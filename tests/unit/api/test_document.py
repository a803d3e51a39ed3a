"""The OpenAPI document is one that a generator can work from."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from octostar_runtime.api.app import create_api
from octostar_runtime.runtime import Runtime
from octostar_runtime.settings import Settings


@pytest.fixture
def document(tmp_path: Path) -> Iterator[dict[str, Any]]:
    runtime = Runtime(kind="api", settings=Settings(database_url="memory:", state_dir=tmp_path)).start()
    yield create_api(runtime).openapi()
    runtime.stop()


def _refs(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for part in node.values():
            yield from _refs(part)
    elif isinstance(node, list):
        for part in node:
            yield from _refs(part)


def test_every_reference_leads_somewhere_and_every_operation_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    schemas = document["components"]["schemas"]
    assert {ref.rpartition("/")[2] for ref in _refs(document)} <= set(schemas)
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert {"list_runs", "cancel_runs", "wake_service", "put_policy"} <= set(names)
    assert all(operation.get("summary") for operation in operations)
