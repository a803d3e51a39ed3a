"""Ended runs are found by id and by task until they go: a plain list stands beside them as the model."""

from hypothesis import given, settings
from hypothesis import strategies as st

from octostar_runtime.tasks.ended_runs import PAGES, EndedRuns
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
