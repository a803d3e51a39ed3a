"""Ended and live runs are found by id and by task until they go: a plain list stands beside them as the model."""

from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from octostar_runtime.tasks.ended_runs import PAGES, EndedRuns
from octostar_runtime.tasks.live_runs import PAGE, LiveRuns
from octostar_runtime.tasks.run import Run
from tests.unit.tasks.test_fair_queue import make_run

KEYS = ["a", "b", "c"]


def ended_run(number: int, key: str, *, superseded: bool = False) -> Run:
    run = make_run(number)
    run.key = key
    if superseded:
        run.more().superseded_by = f"{number + 1:08}"
    return run


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("end"), st.sampled_from(KEYS), st.booleans()),
        st.tuples(st.just("drop"), st.just(""), st.booleans()),
        st.tuples(st.just("look"), st.sampled_from(KEYS), st.just(False)),
    ),
    max_size=60,
)


@given(STEPS, st.integers(1, 5))
@settings(max_examples=150, deadline=None)
def test_whatever_ends_and_goes_the_newest_of_each_task_and_every_id_is_found(
    steps: list[tuple[str, str, bool]], page: int
) -> None:
    ended = EndedRuns(limit=100)
    ended.page_size = page
    kept: list[Run] = []
    newest: dict[str, Run] = {}
    gone: list[str] = []
    for number, (what, key, superseded) in enumerate(steps):
        if what == "end":
            run = ended_run(number, key, superseded=superseded)
            ended.add(run)
            kept.append(run)
            if not superseded:
                newest[key] = run
        elif what == "drop" and kept:
            taken = [*ended.pop_page()] if superseded else [ended.pop()]
            assert 1 <= len(taken) <= page
            assert taken == kept[: len(taken)]
            del kept[: len(taken)]
            for run in taken:
                gone.append(run.run_id)
                if newest.get(str(run.key)) is run:
                    del newest[str(run.key)]
        elif what == "look":
            assert len(ended) == len(kept)
            assert ended.of_key(key) is newest.get(key)
            assert all(ended.of_id(run.run_id) is run for run in kept)
            assert not any(ended.of_id(run_id) for run_id in gone)
    assert all(ended.of_key(key) is newest.get(key) for key in KEYS)
    assert [*ended] == kept
    assert [*reversed(ended)] == kept[::-1]
    assert ended.oldest() is (kept[0] if kept else None)


def test_a_run_that_was_superseded_and_ended_after_its_successor_is_not_taken_for_the_newest() -> None:
    ended = EndedRuns(limit=100)
    old, new = ended_run(1, "t", superseded=True), ended_run(2, "t")
    ended.add(new)
    ended.add(old)
    assert ended.of_key("t") is new
    assert ended.of_id(old.run_id) is old


def test_a_task_that_is_renamed_leaves_what_its_new_name_has_where_it_is() -> None:
    ended = EndedRuns(limit=100)
    mine, theirs, moved = ended_run(1, "old"), ended_run(2, "new"), ended_run(3, "other")
    for run in (mine, theirs, moved):
        ended.add(run)
    ended.rename(lambda key: key in ("old", "other"), {"old": "new", "other": "another"}.__getitem__)
    assert ended.of_key("new") is theirs
    assert ended.of_key("another") is moved
    assert ended.of_key("old") is None
    assert [ended.pop() for _ in range(3)] == [mine, theirs, moved]
    assert not any(map(ended.of_key, ("old", "new", "other", "another")))


def test_as_many_pages_at_most_as_make_a_look_up_cheap() -> None:
    for limit in (0, 1, 250, 100_000):
        ended = EndedRuns(limit=limit)
        assert ended.page_size == max(1, limit // PAGES)


@given(st.lists(st.one_of(st.just(-1), st.integers(0, 10_000)), max_size=80), st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_live_runs_are_found_and_keep_their_order_whichever_ends_first(steps: list[int], page: int) -> None:
    live = LiveRuns()
    kept: list[Run] = []
    with patch("octostar_runtime.tasks.live_runs.PAGE", page):
        for number, step in enumerate(steps):
            if step < 0 or not kept:
                kept.append(make_run(number))
                live.add(kept[-1])
            else:
                gone = kept.pop(step % len(kept))
                live.remove(gone)
                live.remove(gone)
                assert live.get(gone.run_id) is None
            assert [*live] == kept
            assert [*reversed(live)] == kept[::-1]
            assert len(live) == len(kept)
            assert all(live.get(run.run_id) is run for run in kept)
            assert len(live._pages) <= len(kept) + 1


def test_one_run_that_stays_keeps_no_pages_of_those_that_went() -> None:
    live = LiveRuns()
    live.add(make_run(0))
    for batch in range(5):
        runs = [make_run(1 + batch * 2 * PAGE + number) for number in range(2 * PAGE)]
        for run in runs:
            live.add(run)
        for run in runs:
            live.remove(run)
    assert len(live) == 1
    assert len(live._pages) <= 2
