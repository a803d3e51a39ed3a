"""What a call sends, whether as JSON or as a form with files."""

import errno
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic_core import from_json
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request

from octostar_runtime.api.forms import FormReader
from octostar_runtime.api.uploads import Uploads, disk_full
from octostar_runtime.functions import ApiFunction

#: A body larger than this is read on another thread, so that nobody else's request waits for it.
AT_ONCE_BYTES = 64 << 10


async def read_arguments(
    request: Request, function: ApiFunction, uploads: Uploads, *, file_bytes: int
) -> tuple[dict[str, Any], str, Path | None]:
    """Return a call's raw arguments, a digest of them, and the folder with its files (None without files)."""
    kind, options = parse_options_header(request.headers.get("content-type", "application/json"))
    if kind == b"multipart/form-data":
        boundary = options.get(b"boundary", b"")
        if not 0 < len(boundary) <= 70:
            raise HTTPException(400, "the multipart boundary is missing or too long")
        folder = await run_in_threadpool(uploads.folder)
        reader = FormReader(boundary, function, folder, file_bytes=file_bytes)
        await _read_form(request, reader, uploads, folder)
        return reader.values, reader.digest.hexdigest(), folder
    if kind != b"application/json" or function.files:
        wanted = "multipart/form-data" if function.files else "application/json or multipart/form-data"
        raise HTTPException(415, f"send {wanted}")
    raw = await request.body()
    if len(raw) > AT_ONCE_BYTES:
        return *await run_in_threadpool(_json_call, raw), None
    return *_json_call(raw), None


async def _read_form(request: Request, reader: FormReader, uploads: Uploads, folder: Path) -> None:
    try:
        async for chunk in request.stream():
            if chunk:
                await run_in_threadpool(reader.write, chunk)
        await run_in_threadpool(reader.finish)
    except BaseException as error:
        reader.close()
        uploads.drop(folder)
        if isinstance(error, MultipartParseError):
            raise HTTPException(400, f"the multipart body is broken: {error}") from None
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full() from None
        raise


def _json_call(raw: bytes) -> tuple[dict[str, Any], str]:
    """Return the arguments and their digest: the same values in another order or spacing are the same call."""
    values = _json_object(raw)
    return values, hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _json_object(raw: bytes) -> dict[str, Any]:
    try:
        found = from_json(raw or b"{}", allow_inf_nan=False)
    except ValueError:
        raise RequestValidationError([{"type": "json_invalid", "loc": ("body",), "msg": "not JSON"}]) from None
    if not isinstance(found, Mapping):
        message = "send an object with the parameters by name"
        raise RequestValidationError([{"type": "dict_type", "loc": ("body",), "msg": message}])
    return dict(found)
