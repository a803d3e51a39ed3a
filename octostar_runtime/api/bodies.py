"""Bodies that the framework does not read for us: JSON or a form alike, with the same errors."""

from typing import Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.exceptions import HTTPException
from starlette.requests import Request

M = TypeVar("M", bound=BaseModel)


def body_of(model: type[BaseModel], *media_types: str) -> dict[str, Any]:
    """Return the OpenAPI description of a required body."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return {"required": True, "content": {media_type: {"schema": schema} for media_type in media_types}}


async def read_body(request: Request, model: type[M]) -> M:
    """Read a JSON or urlencoded body. RequestValidationError says what is wrong, HTTPException 415 of what kind."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind == "application/json":
        data = _json(await request.body())
    elif kind == "application/x-www-form-urlencoded":
        async with request.form(max_fields=50) as form:
            data = dict(form)
    else:
        raise HTTPException(415, "send application/json or a urlencoded form")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise RequestValidationError(
            [{**item, "loc": ("body", *item["loc"])} for item in error.errors(include_url=False)]
        ) from None


def _json(raw: bytes) -> object:
    try:
        found: object = from_json(raw, allow_inf_nan=False)
    except ValueError:
        raise RequestValidationError([{"type": "json_invalid", "loc": ("body",), "msg": "not JSON"}]) from None
    return found


def sends_no_json(request: Request) -> bool:
    """Whether a body that the framework reads as JSON says that it is something else."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    route = request.scope.get("route")
    read_for_us = getattr(route, "body_field", None) is not None
    return read_for_us and kind != "" and kind != "application/json" and not kind.endswith("+json")
