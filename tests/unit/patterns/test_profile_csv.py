"""The CSV profiler: right figures whatever the chunks, partial results, and honest refusals."""

import io
import pickle
import statistics

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octostar_runtime.demos.histogram import Histogram
from octostar_runtime.demos.profile_csv import CsvProfile, profile_csv
from octostar_runtime.demos.sample_csv import SampleCsv
from octostar_runtime.errors import InvalidInput


def finished(source: bytes, **options: int) -> CsvProfile:
    return list(profile_csv(source, **options))[-1]


def test_each_column_is_described_by_its_kind() -> None:
    profile = finished(b"n,day,word,gap\n1,2024-01-02,ja,\n3,2024-01-01,no,\n,2024-02-01,ja,\n")
    number, day, word, gap = profile.columns
    assert (number.kind, number.filled, number.missing, number.mean) == ("number", 2, 1, 2.0)
    assert (number.minimum, number.maximum, number.deviation) == (1.0, 3.0, 1.0)
    assert (day.kind, day.minimum, day.maximum) == ("date", "2024-01-01", "2024-02-01")
    assert (word.kind, word.distinct, word.top) == ("text", 2, (("ja", 2), ("no", 1)))
    assert (gap.kind, gap.missing) == ("empty", 3)
    assert profile.finished
    assert profile.rows == 3


@settings(max_examples=40, deadline=None)
@given(
    numbers=st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=200),
    chunk_rows=st.integers(1, 60),
)
def test_the_figures_do_not_depend_on_the_chunks(numbers: list[int], chunk_rows: int) -> None:
    text = "n\n" + "".join(f"{number}\n" for number in numbers)
    [column] = finished(text.encode(), chunk_rows=chunk_rows).columns
    assert column.mean == pytest.approx(statistics.fmean(numbers), abs=1e-6)
    assert column.deviation == pytest.approx(statistics.pstdev(numbers), rel=1e-6, abs=1e-6)
    assert (column.minimum, column.maximum) == (min(numbers), max(numbers))
    assert column.distinct == len(set(numbers))
    assert sum(column.bins) == len(numbers)


def test_a_column_that_turns_to_text_late_is_text() -> None:
    [column] = finished(b"v\n1\n2\nthree\n", chunk_rows=2).columns
    assert column.kind == "text"
    assert column.distinct == 3


def test_whole_numbers_stay_the_same_values_when_a_chunk_has_gaps() -> None:
    [column, _] = finished(b"v,w\n3,a\n4,a\n3,a\n,a\n", chunk_rows=2).columns
    assert column.distinct == 2
    assert dict(column.top) == {"3": 2, "4": 1}


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found_out(separator: str) -> None:
    text = "\n".join(separator.join(row) for row in [("a", "b"), ("1", "x"), ("2", "y")])
    assert [column.name for column in finished(text.encode()).columns] == ["a", "b"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_the_encoding_is_found_out(encoding: str) -> None:
    profile = finished("stad\nMalmö\nÅre\n".encode(encoding))
    assert profile.columns[0].name == "stad"
    assert dict(profile.columns[0].top) == {"Malmö": 1, "Åre": 1}


def test_progress_grows_with_what_was_read() -> None:
    body = b"n,text\n" + b"".join(b"%d,%s\n" % (n, b"x" * 80) for n in range(20_000))
    shares = [profile.progress or 0.0 for profile in profile_csv(body, chunk_rows=500)]
    assert shares == sorted(shares)
    assert shares[0] < 0.5
    assert shares[-1] == 1.0


def test_partial_results_are_complete_pictures_of_what_was_read() -> None:
    parts = list(profile_csv(SampleCsv(1_000), chunk_rows=250))
    assert [part.rows for part in parts] == [250, 500, 750, 1_000, 1_000]
    assert [part.columns[0].filled for part in parts[:4]] == [250, 500, 750, 1_000]
    assert [part.finished for part in parts] == [False] * 4 + [True]


def test_nothing_is_read_beyond_the_chunk_asked_for() -> None:
    source = SampleCsv(1_000_000)
    parts = profile_csv(source, chunk_rows=10_000)
    next(parts)
    parts.close()
    assert source.closed, "the file is closed as soon as the caller stops asking"


def test_a_file_object_is_read_like_bytes() -> None:
    body = b"a\n1\n2\n"
    assert list(profile_csv(io.BytesIO(body)))[-1] == finished(body)


@pytest.mark.parametrize(
    ("body", "says"),
    [(b"", "is empty"), (b"a,b\n1,2\n1,2,3\n", "line 3"), (b'a\n"open\n', "not a readable CSV")],
)
def test_what_is_no_csv_is_refused_in_words(body: bytes, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        finished(body)


def test_a_header_alone_is_a_csv_without_rows() -> None:
    profile = finished(b"a,b\n")
    assert (profile.rows, profile.finished) == (0, True)


def test_the_sample_is_the_same_each_time_and_as_long_as_asked() -> None:
    first = pd.read_csv(io.BufferedReader(SampleCsv(12_345)))
    second = pd.read_csv(io.BufferedReader(SampleCsv(12_345)))
    assert len(first) == 12_345
    assert first.equals(second)


def test_distinct_values_are_counted_up_to_a_limit() -> None:
    body = b"n\n" + b"".join(b"%d\n" % n for n in range(3_000))
    [column] = finished(body).columns
    assert (column.distinct, column.distinct_capped) == (1_000, True)


def test_a_histogram_widens_without_losing_a_number() -> None:
    import numpy as np

    histogram = Histogram()
    for values in ([5.0], [6.0, 7.0], [1_000.0], [-400.0]):
        histogram.add(np.asarray(values))
    assert sum(histogram.counts) == 5
    assert histogram.edges[0] <= -400.0
    assert histogram.edges[-1] >= 1_000.0
    assert len(histogram.edges) == len(histogram.counts) + 1


def test_the_sample_goes_to_another_process_from_its_first_row() -> None:
    source = SampleCsv(100)
    source.read(50)
    again = pickle.loads(pickle.dumps(source))
    assert again.read() == SampleCsv(100).read()
