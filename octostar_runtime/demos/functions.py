"""The functions this project serves to other services; name the module in ``OCTOSTAR_FUNCTIONS``."""

from collections.abc import Iterator

from octostar_runtime.demos.profile_csv import CHUNK_ROWS, CsvProfile, profile_csv
from octostar_runtime.demos.sample_csv import ROWS, SampleCsv
from octostar_runtime.errors import InvalidInput
from octostar_runtime.functions import api_function
from octostar_runtime.input_file import InputFile


@api_function(name="profile-csv", timeout_s=600)
def profile_csv_file(
    file: InputFile | None = None, sample_rows: int = ROWS, chunk_rows: int = CHUNK_ROWS
) -> Iterator[CsvProfile]:
    """Profile a CSV chunk by chunk: the columns' kinds, gaps, ranges and commonest values.

    Without a file, a sample of ``sample_rows`` made-up orders is profiled.
    """
    if not 0 <= sample_rows <= 10_000_000:
        raise InvalidInput("sample_rows must be between 0 and 10,000,000")
    if file is None:
        yield from profile_csv(SampleCsv(sample_rows), chunk_rows=chunk_rows)
        return
    with file.open() as source:
        yield from profile_csv(source, chunk_rows=chunk_rows)
