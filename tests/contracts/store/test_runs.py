"""What every store does with runs."""

import base64
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from octostar_runtime.errors import InvalidInput, QueryInvalid
from octostar_runtime.models.runs import CancelOutcome, CancelRecord, LogLine, RunRecord, RunState
from octostar_runtime.query import parse
from octostar_runtime.store import Batch, Store
from octostar_runtime.testing import ManualClock
from tests.support.fleet_samples import a_run

QUERIES = (
    "", "state:failed", "state:live", "state:queued state:running", "-state:success", "name:score_batch",
    "name:SCORE*", "-name:*csv", "user:ada@example.org", 'user:""', "pool:heavy", "tag:nightly", "tag:night*",
    "error:float", "-error:float", "error:valueerror", "older:1m", "longer:10s", "-longer:10s", "score",
    "-score state:error", '"n/a"', "node:0000a", "name:score_batch,profile_csv state:error", "100%", "a_b",
)  # fmt: skip


def some_runs() -> list[RunRecord]:
    runs = [a_run(number, state) for number, state in enumerate([*RunState, *RunState, *RunState], start=1)]
    odd = replace(a_run(90, RunState.SUCCESS), tags=("nightly", "Äpfel"), arguments="rate=100% name='a_b'", user="ÄDA")
    return [*runs, odd]


def test_a_run_comes_back_exactly_as_it_was(store: Store) -> None:
    cancel = CancelRecord(
        requested_at=1.0, by="ada", reason="too slow", outcome=CancelOutcome.STOPPED, stopped_after_s=0.5
    )
    run = replace(
        a_run(7, RunState.CANCELLED),
        cancel=cancel,
        logs=(LogLine(at=2.0, level="INFO", logger="app", text="Grüße 🙂"),),
        timeline=((RunState.QUEUED, 1.0), (RunState.CANCELLED, 2.0)),
        tags=("a", "b"),
    )
    store.write(Batch(runs=[run]))
    assert store.runs.get(run.run_id) == run
    assert store.runs.get("unknown") is None


def test_the_higher_sequence_number_wins_whatever_comes_last(store: Store) -> None:
    run = a_run(1, RunState.RUNNING)
    store.write(Batch(runs=[replace(run, seq=5, message="new")]))
    store.write(Batch(runs=[replace(run, seq=4, message="old")]))
    found = store.runs.get(run.run_id)
    assert found is not None
    assert found.message == "new"


def test_an_end_is_final(store: Store) -> None:
    run = a_run(1, RunState.RUNNING)
    lost = replace(run, state=RunState.LOST, seq=run.seq + 1, ended_at=run.queued_at + 9)
    store.write(Batch(runs=[run]))
    store.write(Batch(runs=[lost]))
    store.write(Batch(runs=[replace(run, state=RunState.SUCCESS, seq=run.seq + 5, ended_at=run.queued_at + 10)]))
    store.write(Batch(runs=[replace(run, seq=run.seq + 6)]))
    found = store.runs.get(run.run_id)
    assert found is not None
    assert found.state is RunState.LOST
    assert store.runs.counts() == {RunState.LOST: 1}


def test_details_of_an_ended_run_may_still_change(store: Store) -> None:
    run = a_run(1, RunState.SUCCESS)
    store.write(Batch(runs=[run]))
    store.write(Batch(runs=[replace(run, seq=run.seq + 1, result_expired=True)]))
    found = store.runs.get(run.run_id)
    assert found is not None
    assert found.result_expired
    assert store.runs.counts() == {RunState.SUCCESS: 1}


def test_counts_add_up_over_states_and_nodes(store: Store) -> None:
    runs = some_runs()
    store.write(Batch(runs=runs))
    store.write(Batch(runs=runs))
    expected = {state: sum(run.state is state for run in runs) for state in RunState}
    assert dict(store.runs.counts()) == expected
    assert store.runs.counts(without_node=runs[0].node_id) == {}


@pytest.mark.parametrize("query", QUERIES)
def test_a_search_finds_what_the_expression_matches(store: Store, clock: ManualClock, query: str) -> None:
    runs = some_runs()
    store.write(Batch(runs=runs))
    now = clock.time()
    expected = {run.run_id for run in runs if parse(query).matches(run, now)}
    page = store.runs.find(query, limit=1000)
    assert {run.run_id for run in page.runs} == expected
    assert page.total == len(expected) == store.runs.count(query)


WORDS = st.sampled_from(
    ["state:error", "state:live", "-state:failed", "name:score*", "user:ada*", "-user:*grace*", "pool:heavy",
     "longer:20s", "older:2m", "error:float", "-error:e", "csv", "-csv", '"the scoring"',
     "tag:x", "arg:rows", "session:a000", "e*r"]
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(WORDS, max_size=5))
def test_any_combination_of_terms_means_the_same_in_memory_and_in_the_store(
    store: Store, clock: ManualClock, words: list[str]
) -> None:
    runs = some_runs()
    store.write(Batch(runs=runs))
    query = " ".join(words)
    expected = {run.run_id for run in runs if parse(query).matches(run, clock.time())}
    assert {run.run_id for run in store.runs.find(query, limit=1000).runs} == expected


def test_whichever_way_a_page_is_found_it_is_the_same(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write(Batch(runs=some_runs()))
    for query in ("state:ended", "state:failed", "-state:failed", "name:score_batch,profile_csv"):
        for sort in ("-queued_at", "ended_at", "-run_s", "wait_s", "-name", "user", "state"):
            first = store.runs.find(query, limit=7, sort=sort)
            second = store.runs.find(query, limit=7, sort=sort, after=first.next)
            assert first.total == second.total == store.runs.count(query)
            with monkeypatch.context() as patched:
                patched.setattr("octostar_runtime.store.runpages.MANY", 0)  # as if very many were found
                assert store.runs.find(query, limit=7, sort=sort) == first
                assert store.runs.find(query, limit=7, sort=sort, after=first.next) == second


@pytest.mark.parametrize("in_both", [0, 1_000])
def test_common_words_beside_a_small_part_of_all_find_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch, in_both: int
) -> None:
    store.write(Batch(runs=some_runs()))
    for query in ("csv -state:success", "score state:failed", "-user:nobody csv older:1s", "name:score_batch csv"):
        for sort in ("-queued_at", "queued_at", "-run_s", "name", "pool"):
            first = store.runs.find(query, limit=3, sort=sort)
            second = store.runs.find(query, limit=3, sort=sort, after=first.next) if first.next else None
            with monkeypatch.context() as patched:  # as if very many had the words, and ``in_both`` of them were many
                patched.setattr("octostar_runtime.store.textindex.MOST_CANDIDATES", 0)
                patched.setattr("octostar_runtime.store.runs.MOST_CANDIDATES", in_both)
                patched.setattr("octostar_runtime.store.runs.SMALL", 1)
                assert store.runs.find(query, limit=3, sort=sort) == first
                assert second is None or store.runs.find(query, limit=3, sort=sort, after=first.next) == second


def test_a_page_behind_the_last_one_is_empty_and_tells_the_total(store: Store) -> None:
    store.write(Batch(runs=some_runs()))
    for query in ("", "state:failed", "sales", "tag:nightly", "pool:heavy", "nothing-like-it"):
        page = store.runs.find(query, limit=5, offset=500)
        total = store.runs.count(query)
        assert (page.runs, page.next, page.total, page.exact) == ((), None, total, True)
        assert store.runs.find(query, limit=50).total == total


@pytest.mark.parametrize("sort", ["queued_at", "started_at", "ended_at", "name", "user", "state", "wait_s", "run_s"])
@pytest.mark.parametrize("sign", ["", "-"])
def test_paging_by_cursor_shows_every_run_once_in_order(store: Store, sort: str, sign: str) -> None:
    runs = some_runs()
    store.write(Batch(runs=runs))
    whole = [run.run_id for run in store.runs.find("", limit=1000, sort=sign + sort).runs]
    paged: list[str] = []
    after = None
    while True:
        page = store.runs.find("", limit=4, sort=sign + sort, after=after)
        paged += [run.run_id for run in page.runs]
        after = page.next
        if after is None:
            break
    assert paged == whole
    assert sorted(paged) == sorted(run.run_id for run in runs)
    by_offset = store.runs.find("", limit=4, offset=8, sort=sign + sort)
    assert [run.run_id for run in by_offset.runs] == whole[8:12]


def test_what_cannot_be_read_is_a_typed_error(store: Store) -> None:
    with pytest.raises(QueryInvalid):
        store.runs.find("state:nonsense", limit=10)
    with pytest.raises(InvalidInput, match="sort by"):
        store.runs.find("", limit=10, sort="colour")
    with pytest.raises(InvalidInput, match="limit"):
        store.runs.find("", limit=0)
    with pytest.raises(InvalidInput, match="cursor"):
        store.runs.find("", limit=1, after="nonsense")


@pytest.mark.parametrize("told", ["[[1], 2]", "[1, 1e400]", "[null, 1]", "[1, 18446744073709551616]", '["x", 1]', "{}"])
def test_a_cursor_that_was_tampered_with_is_refused(store: Store, told: str) -> None:
    cursor = base64.urlsafe_b64encode(told.encode()).decode()
    with pytest.raises(InvalidInput, match="cursor"):
        store.runs.find("", limit=1, after=cursor)


def test_portable_arguments_are_kept_apart_from_the_record(store: Store) -> None:
    run = a_run(1, RunState.RUNNING)
    store.write(Batch(runs=[run], portable={run.run_id: '{"secret": 42}'}))
    later = replace(run, state=RunState.LOST, seq=run.seq + 1, ended_at=run.queued_at + 1)
    store.write(Batch(runs=[later]))
    assert store.runs.portable_arguments(run.run_id) == {"secret": 42}
    assert store.runs.portable_arguments("unknown") is None
    assert "42" not in str(store.runs.get(run.run_id))


def test_odd_characters_neither_break_a_write_nor_a_search(store: Store) -> None:
    run = replace(a_run(1, RunState.ERROR), error="nul \0 and half \ud800 a pair", name="x\0y", task_id="t\udfff")
    store.write(Batch(runs=[run]))
    assert store.runs.get(run.run_id) is not None
    assert store.runs.count("error:half") == 1


def test_a_reader_is_given_what_executes_before_what_waits_behind_it(store: Store) -> None:
    executing = [
        replace(a_run(900 + number, state), node_id="there")
        for number, state in enumerate((RunState.RUNNING, RunState.CANCELLING, RunState.UNKNOWN))
    ]
    waiting = [replace(a_run(number, RunState.QUEUED), node_id="there") for number in range(1, 30)]
    ended = replace(a_run(950, RunState.SUCCESS), node_id="there")
    own = replace(a_run(951, RunState.RUNNING), node_id="here")
    store.write(Batch(runs=[*executing, *waiting, ended, own]))

    found = store.runs.versions(without_node="here", limit_live=10, limit_ended=5)

    assert {run.run_id for run in executing} < set(found)
    assert len(found) == 11
    assert found[ended.run_id] == ended.seq
    assert own.run_id not in found
    newest = sorted(waiting, key=lambda run: -run.queued_at)[:7]
    assert {run.run_id for run in newest} < set(found)
