"""Read a multipart body part by part: files go straight to disk, so that memory stays flat whatever comes in."""

import hashlib
import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from fastapi.exceptions import RequestValidationError
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request

from octostar_runtime.functions import ApiFunction
from octostar_runtime.ids import new_id
from octostar_runtime.input_file import InputFile

PARTS = 200
FIELD_BYTES = 1 << 20
#: Uploads of runs that did not end well are kept this long, so that the run can be retried.
KEPT_S = 3600.0


class Uploads:
    """The directory of uploaded files: one folder per request."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def folder(self) -> Path:
        """Make a fresh folder that only we can read, and sweep away old ones."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.sweep()
        folder = self._directory / new_id()
        folder.mkdir(mode=0o700)
        return folder

    def sweep(self, older_than_s: float = KEPT_S) -> None:
        """Remove folders that nobody can need any more."""
        for folder in self._directory.iterdir() if self._directory.is_dir() else ():
            if time.time() - folder.stat().st_mtime > older_than_s:
                shutil.rmtree(folder, ignore_errors=True)


class MultipartReader:
    """Feeds chunks of a body to the parser and keeps what the parts hold. Runs on a worker thread."""

    def __init__(self, boundary: bytes, function: ApiFunction, folder: Path) -> None:
        self.values: dict[str, Any] = {}
        self.digest = hashlib.sha256()
        self._function = function
        self._folder = folder
        self._headers: dict[bytes, bytes] = {}
        self._header: tuple[bytes, bytes] = (b"", b"")
        self._name, self._filename, self._type = "", None, ""  # type: str, str | None, str
        self._file: BinaryIO | None = None
        self._text = bytearray()
        self._size = self._parts = 0
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self._more_header(data[start:end], b""),
                "on_header_value": lambda data, start, end: self._more_header(b"", data[start:end]),
                "on_header_end": self._end_header,
                "on_headers_finished": self._start_part,
                "on_part_data": lambda data, start, end: self._data(data[start:end]),
                "on_part_end": self._end_part,
            },
        )

    def write(self, chunk: bytes) -> None:
        """Take the next bytes of the body."""
        self._parser.write(chunk)

    def finish(self) -> None:
        """The body has ended."""
        self._parser.finalize()

    def close(self) -> None:
        """Let go of a file whose upload broke off."""
        if self._file is not None:
            self._file.close()

    def _begin(self) -> None:
        self._headers = {}
        self._parts += 1
        if self._parts > PARTS:
            raise HTTPException(413, f"a form may have at most {PARTS} parts")

    def _more_header(self, field: bytes, value: bytes) -> None:
        self._header = (self._header[0] + field, self._header[1] + value)

    def _end_header(self) -> None:
        self._headers[self._header[0].lower()] = self._header[1]
        self._header = (b"", b"")

    def _start_part(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        filename = options.get(b"filename")
        self._filename = None if filename is None else Path(filename.decode("utf-8", "replace")).name[:255]
        self._type = self._headers.get(b"content-type", b"application/octet-stream").decode("latin-1")[:100]
        self._text, self._size = bytearray(), 0
        self.digest.update(repr((self._name, self._filename)).encode("utf-8", "replace"))
        if self._name in self._function.files:
            # the name on disk is ours; the sender's name is only shown
            self._file = (self._folder / f"{len(self.values)}").open("wb")

    def _data(self, data: bytes) -> None:
        self.digest.update(data)
        self._size += len(data)
        if self._file is not None:
            self._file.write(data)
            return
        if self._size > FIELD_BYTES:
            raise HTTPException(413, f"the field {self._name[:100]!r} is larger than 1 MB and is no file parameter")
        self._text += data

    def _end_part(self) -> None:
        if self._file is None:
            self.values[self._name] = _value(self._function, self._name, bytes(self._text).decode("utf-8", "replace"))
            return
        path = Path(self._file.name)
        self._file.close()
        self._file = None
        self.values[self._name] = InputFile(
            path=path, filename=self._filename or "", content_type=self._type, size=self._size
        )


async def read_arguments(
    request: Request, function: ApiFunction, uploads: Uploads
) -> tuple[dict[str, Any], str, Path | None]:
    """Return a call's raw arguments, a digest of them, and the folder with its files (None without files)."""
    kind, options = parse_options_header(request.headers.get("content-type", "application/json"))
    if kind == b"multipart/form-data":
        boundary = options.get(b"boundary", b"")
        if not 0 < len(boundary) <= 70:
            raise HTTPException(400, "the multipart boundary is missing or too long")
        return await _multipart(request, boundary, function, uploads)
    if kind != b"application/json" or function.files:
        wanted = "multipart/form-data" if function.files else "application/json or multipart/form-data"
        raise HTTPException(415, f"send {wanted}")
    raw = await request.body()
    return _json_object(raw), hashlib.sha256(raw).hexdigest(), None


async def _multipart(
    request: Request, boundary: bytes, function: ApiFunction, uploads: Uploads
) -> tuple[dict[str, Any], str, Path | None]:
    folder = await run_in_threadpool(uploads.folder)
    reader = MultipartReader(boundary, function, folder)
    try:
        async for chunk in request.stream():
            if chunk:
                await run_in_threadpool(reader.write, chunk)
        await run_in_threadpool(reader.finish)
    except MultipartParseError as error:
        _drop(reader, folder)
        raise HTTPException(400, f"the multipart body is broken: {error}") from None
    except BaseException:
        _drop(reader, folder)
        raise
    return reader.values, reader.digest.hexdigest(), folder


def _drop(reader: MultipartReader, folder: Path) -> None:
    reader.close()
    shutil.rmtree(folder, ignore_errors=True)


def _json_object(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw or b"{}")
    except (ValueError, RecursionError):
        raise RequestValidationError([{"type": "json_invalid", "loc": ("body",), "msg": "not JSON"}]) from None
    if not isinstance(found, Mapping):
        message = "send an object with the parameters by name"
        raise RequestValidationError([{"type": "dict_type", "loc": ("body",), "msg": message}])
    return dict(found)


def _value(function: ApiFunction, name: str, text: str) -> Any:
    """A form holds text only: read it as JSON for a parameter that is not text itself."""
    field = function.parameters.model_fields.get(name)
    if field is None or field.annotation is str:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
