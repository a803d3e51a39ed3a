"""The OpenAPI document: every refusal is a problem, every function has a path of its own."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from octostar_runtime.api.problems import MEDIA_TYPE, TITLES, Problem
from octostar_runtime.api.results import ResultAnswer
from octostar_runtime.api.routes.functions import MAX_WAIT_S
from octostar_runtime.functions import ApiFunction, functions
from octostar_runtime.models.runs import RunRecord

REF = "#/components/schemas/{model}"
#: What any request may be refused with.
ALWAYS = (400, 408, 413, 415, 422, 429, 503)
DESCRIPTION = """\
Operate a Streamlit app and its background tasks, and call its functions.

Send a token as `Authorization: Bearer …`, or use the cookie of a browser that has signed in. Times are UTC seconds,
durations are seconds. Lists come in pages: send `next` of a page as `cursor` for the page behind it. Refusals are
problem documents (RFC 9457).
"""


def install(app: FastAPI) -> None:
    """Make ``app.openapi()`` return our document, rebuilt when functions were registered."""
    built: dict[str, Any] = {"generation": -1}

    def openapi() -> dict[str, Any]:
        generation = functions().generation
        if built["generation"] != generation:
            built["document"] = _document(app)
            built["generation"] = generation
        document: dict[str, Any] = built["document"]
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=DESCRIPTION,
        routes=app.routes,
        tags=app.openapi_tags,
        servers=[{"url": app.root_path}] if app.root_path else None,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    _add(schemas, Problem.model_json_schema(ref_template=REF), "Problem")
    for function in functions().all():
        document["paths"][f"/api/functions/{function.name}"] = {"post": _call(function, schemas)}
    for path in document["paths"].values():
        for operation in path.values():
            _refusals(operation)
    return document


def _refusals(operation: dict[str, Any]) -> None:
    responses = operation.setdefault("responses", {})
    refused = {status for status in responses if status.isdigit() and int(status) >= 400}
    statuses = {*refused, *(str(status) for status in ALWAYS)}
    if operation.get("security"):
        statuses |= {"401", "403"}
    content = {MEDIA_TYPE: {"schema": {"$ref": REF.format(model="Problem")}}}
    for status in sorted(statuses):
        own = responses.get(status, {})
        documented = "application/json" in own.get("content", {}) and int(status) == 503
        description = TITLES.get(int(status), "Error")
        responses[status] = {
            "description": description,
            "content": {**(own["content"] if documented else {}), **content},
        }
    responses["default"] = {"description": "Any other refusal", "content": content}


def _call(function: ApiFunction, schemas: dict[str, Any]) -> dict[str, Any]:
    parameters = function.parameters.model_json_schema(ref_template=REF)
    for name in function.files:
        file = {"type": "string", "format": "binary"}
        kept = {"title": name, **({"default": None} if name not in parameters.get("required", ()) else {})}
        parameters["properties"][name] = {
            **({"type": "array", "items": file} if name in function.many else file),
            **kept,
        }
    for name in function.many & set(parameters.get("required", ())) if function.files else ():
        parameters["properties"][name]["minItems"] = 1  # a form cannot send an empty list
    schemas.update(parameters.pop("$defs", {}))
    if function.files:
        schemas.pop("InputFile", None)
    returns = TypeAdapter(function.returns).json_schema(mode="serialization", ref_template=REF)
    schemas.update(returns.pop("$defs", {}))
    _add(schemas, TypeAdapter(RunRecord).json_schema(mode="serialization", ref_template=REF), "RunRecord")
    result = ResultAnswer.model_json_schema(mode="serialization", ref_template=REF)
    schemas.update(result.pop("$defs", {}))
    result["properties"]["data"] = returns
    media_type = "multipart/form-data" if function.files else "application/json"
    needed = bool(function.files or parameters.get("required"))  # a call without arguments may have no body at all
    location = {"Location": {"description": "the run", "schema": {"type": "string"}}}
    return {
        "tags": ["functions", *function.tags],
        "summary": function.summary,
        "description": function.description,
        "operationId": f"call_{function.name.replace('-', '_')}",
        "security": [{"bearer": []}, {"cookie": []}],
        "parameters": [
            {
                "name": "wait",
                "in": "query",
                "description": "seconds to wait for the result; when it has not come by then, the answer is 202",
                "schema": {"type": "number", "minimum": 0, "maximum": MAX_WAIT_S, "default": 0},
            },
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "sent again, the same key leads to the run it started",
                "schema": {"type": "string", "minLength": 1, "maxLength": 200},
            },
        ],
        "requestBody": {"required": needed, "content": {media_type: {"schema": parameters}}},
        "responses": {
            "200": {
                "description": "the result, when it came in time",
                "headers": location,
                "content": {"application/json": {"schema": result}},
            },
            "202": {
                "description": "the run has been taken",
                "headers": location,
                "content": {"application/json": {"schema": {"$ref": REF.format(model="RunRecord")}}},
            },
            "409": {},
            "410": {},
        },
    }


def _add(schemas: dict[str, Any], schema: dict[str, Any], name: str) -> None:
    schemas.update(schema.pop("$defs", {}))
    schemas.setdefault(name, schema)
