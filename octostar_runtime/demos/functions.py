"""The functions this project serves to other services; name the module in ``OCTOSTAR_FUNCTIONS``."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from octostar_runtime.demos.profile_csv import CHUNK_ROWS, CsvProfile, profile_csv
from octostar_runtime.demos.sample_csv import SampleCsv
from octostar_runtime.functions import api_function
from octostar_runtime.input_file import InputFile


@api_function(name="profile-csv", timeout_s=600)
def profile_csv_file(
    file: InputFile | None = None,
    sample_rows: Annotated[int, Field(ge=0, le=250_000)] = 100_000,
    chunk_rows: Annotated[int, Field(ge=5_000, le=1_000_000)] = CHUNK_ROWS,
) -> Iterator[CsvProfile]:
    """Profile a CSV chunk by chunk: the columns' kinds, gaps, ranges and commonest values.

    Without a file, a sample of ``sample_rows`` made-up orders is profiled.
    """
    if file is None:
        yield from profile_csv(SampleCsv(sample_rows), chunk_rows=chunk_rows)
        return
    with file.open() as source:
        yield from profile_csv(source, chunk_rows=chunk_rows)
