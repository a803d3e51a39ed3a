"""Read a multipart body part by part: files go straight to disk, so that memory stays flat whatever comes in."""

import hashlib
from pathlib import Path
from typing import Any, BinaryIO

from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException

from octostar_runtime.api.problems import FieldRefused
from octostar_runtime.functions import ApiFunction
from octostar_runtime.input_file import InputFile

PARTS = 200
FIELD_BYTES = 1 << 20


class FormReader:
    """Feeds chunks of a body to the parser and keeps what the parts hold. Runs on a worker thread.

    A part that the function has no parameter for is refused as it begins, so that nobody can fill the memory with it.
    """

    def __init__(self, boundary: bytes, function: ApiFunction, folder: Path, *, file_bytes: int) -> None:
        self.values: dict[str, Any] = {}
        self.digest = hashlib.sha256()
        self._function = function
        self._types = function.types
        self._folder = folder
        self._file_bytes = file_bytes
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
        self._check_name()
        self.digest.update(repr((self._name, self._filename)).encode("utf-8", "replace"))
        if self._name in self._function.files:
            # the name on disk is ours; the sender's name is only shown
            self._file = (self._folder / f"{self._parts}").open("wb")

    def _check_name(self) -> None:
        if self._name not in self._types:
            raise _refused(self._name, f"{self._function.name} has no such parameter")
        if self._name in self.values and self._name not in self._function.many:
            raise _refused(self._name, "was sent twice and takes one value")

    def _data(self, data: bytes) -> None:
        self.digest.update(data)
        self._size += len(data)
        if self._file is not None:
            if self._size > self._file_bytes:
                raise FieldRefused(413, f"body.{self._name}", f"a file may have at most {self._file_bytes >> 20} MB")
            self._file.write(data)
            return
        if self._size > FIELD_BYTES:
            raise FieldRefused(413, f"body.{self._name}", "is larger than 1 MB and is no file")
        self._text += data

    def _end_part(self) -> None:
        value = self._text_value() if self._file is None else self._file_value(self._file)
        if self._name not in self._function.many:
            self.values[self._name] = value
        elif isinstance(value, list):
            self.values.setdefault(self._name, []).extend(value)
        else:
            self.values.setdefault(self._name, []).append(value)

    def _file_value(self, file: BinaryIO) -> InputFile:
        file.close()
        self._file = None
        return InputFile(path=Path(file.name), filename=self._filename or "", content_type=self._type, size=self._size)

    def _text_value(self) -> Any:
        """A form holds text only: read it as JSON where that fits the parameter, else take it as it is."""
        text = bytes(self._text).decode("utf-8", "replace")
        wanted = self._types[self._name]
        if wanted is str:
            return text
        try:
            value = from_json(text, allow_inf_nan=False)
        except ValueError:
            return text
        return next((candidate for candidate in (value, text) if self._fits(wanted, candidate)), value)

    def _fits(self, wanted: Any, value: Any) -> bool:
        several = self._name in self._function.many and not isinstance(value, list)
        try:
            TypeAdapter(wanted).validate_python([value] if several else value)
        except ValidationError:
            return False
        return True


def _refused(name: str, message: str) -> RequestValidationError:
    return RequestValidationError([{"type": "form", "loc": ("body", name[:100]), "msg": message}])
