"""Profile a CSV chunk by chunk: one generator, run by a background task and by the API alike.

A caller gets a complete picture of what was read after each chunk, so it can draw partial results, tell progress,
and stop within one chunk by not asking for the next.
"""

import csv
import io
from collections.abc import Generator
from dataclasses import dataclass
from typing import BinaryIO

from octostar_runtime.demos.column_profile import ColumnGatherer, ColumnProfile
from octostar_runtime.demos.sample_csv import SampleCsv
from octostar_runtime.errors import InvalidInput

CHUNK_ROWS = 20_000
_SNIFF_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvProfile:
    """What is known after so many rows. ``progress`` is 0..1, None when the length is not known beforehand."""

    rows: int
    columns: tuple[ColumnProfile, ...]
    progress: float | None
    finished: bool = False


def profile_csv(
    source: BinaryIO | bytes | SampleCsv, *, chunk_rows: int = CHUNK_ROWS
) -> Generator[CsvProfile, None, None]:
    """Yield the profile after each ``chunk_rows`` rows, at last the finished one.

    ``source`` is the file's bytes or a binary file. The separator (comma, semicolon, tab or bar) and the encoding
    (UTF-8, else Windows-1252) are found out. InvalidInput says what is wrong with a file that is no CSV.
    """
    import pandas as pd

    if chunk_rows < 1:
        raise InvalidInput(f"chunk_rows must be at least 1, not {chunk_rows}")
    reader = _Counted(source)
    head = reader.peek(_SNIFF_BYTES)
    gatherers: list[ColumnGatherer] = []
    rows, latest = 0, CsvProfile(rows=0, columns=(), progress=reader.share(0))
    try:
        with pd.read_csv(
            reader,
            chunksize=chunk_rows,
            encoding=_encoding(head),
            encoding_errors="replace",
            sep=_separator(head),
            low_memory=False,
        ) as chunks:
            for chunk in chunks:
                gatherers = gatherers or [ColumnGatherer(str(name)) for name in chunk.columns]
                for index, gatherer in enumerate(gatherers):
                    gatherer.add(chunk.iloc[:, index])
                rows += len(chunk)
                columns = tuple(gatherer.profile() for gatherer in gatherers)
                latest = CsvProfile(rows=rows, columns=columns, progress=reader.share(rows))
                yield latest
    except pd.errors.EmptyDataError:
        raise InvalidInput("The file is empty; choose a CSV with a header line and at least one row.") from None
    except pd.errors.ParserError as error:
        raise InvalidInput(f"This is not a readable CSV: {_reason(error)}") from None
    finally:
        reader.close()  # and the file under it, also when the profile is given up half-way
    yield CsvProfile(rows=rows, columns=latest.columns, progress=1.0, finished=True)


class _Counted(io.BufferedReader):
    """A buffered reader that knows how far it is."""

    def __init__(self, source: BinaryIO | bytes | SampleCsv) -> None:
        self._sample_rows = source.rows if isinstance(source, SampleCsv) else None
        self._size: int | None = None
        raw: io.RawIOBase | BinaryIO
        if isinstance(source, bytes):
            self._size, raw = len(source), io.BytesIO(source)
        else:
            raw = source
            if self._sample_rows is None and source.seekable():
                self._size = source.seek(0, io.SEEK_END)
                source.seek(0)
        super().__init__(raw, buffer_size=_SNIFF_BYTES)  # type: ignore[arg-type]

    def share(self, rows: int) -> float | None:
        """How much has been read, 0..1."""
        if self._sample_rows is not None:
            return rows / self._sample_rows if self._sample_rows else 1.0
        return min(1.0, self.raw.tell() / self._size) if self._size else None


def _encoding(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # a character cut in half by the end of the head is no proof
            return "cp1252"
    return "utf-8-sig"


def _separator(head: bytes) -> str:
    lines = head.decode(_encoding(head), errors="replace").splitlines()
    try:
        return csv.Sniffer().sniff("\n".join(lines[:20]), delimiters=",;\t|").delimiter
    except csv.Error:
        return ","


def _reason(error: Exception) -> str:
    text = str(error).strip().removeprefix("Error tokenizing data. C error: ")
    return f"{text[:1].upper()}{text[1:]}."
