"""What goes first when there is no room, and what never goes."""

from dataclasses import replace

from octostar_runtime.models.events import Event
from octostar_runtime.models.runs import RunState
from octostar_runtime.store.buffer import Buffer
from tests.support.fleet_samples import a_run, a_session


def an_event(number: int, actor: str | None = None) -> Event:
    return Event(kind="k", subject="s", at=float(number), node_id="n", event_id=f"{number:04}", actor=actor)


def test_only_the_newest_version_of_a_row_waits() -> None:
    buffer, run = Buffer(100), a_run(1, RunState.RUNNING)
    buffer.add_runs([replace(run, seq=2), replace(run, seq=5), replace(run, seq=4)])
    batch = buffer.take(10)
    assert [each.seq for each in batch.runs] == [5]
    assert len(buffer) == 0


def test_updates_of_live_rows_go_first_then_plain_events_then_audit_and_ends_never() -> None:
    buffer = Buffer(4)
    buffer.add_runs([a_run(1, RunState.SUCCESS), a_run(2, RunState.RUNNING)])
    buffer.add_event(an_event(1))
    buffer.add_event(an_event(2, "ada"))
    buffer.add_runs([a_run(3, RunState.ERROR)])
    assert (buffer.dropped, len(buffer)) == (1, 4)
    buffer.add_sessions([a_session(1)])  # a live session: there is something less dear than it only beside the ends
    buffer.add_runs([a_run(4, RunState.SUCCESS)])
    buffer.add_runs([a_run(5, RunState.SUCCESS)])
    batch = buffer.take(10)
    assert sorted(run.run_id for run in batch.runs) == sorted(a_run(n, RunState.SUCCESS).run_id for n in (1, 3, 4, 5))
    assert (batch.events, batch.sessions) == ([], [])
    assert buffer.dropped == 4


def test_an_audit_event_stays_while_anything_else_can_go() -> None:
    buffer = Buffer(3)
    for number in range(10):
        buffer.add_event(an_event(number))
    buffer.add_event(an_event(90, "ada"))
    buffer.add_event(an_event(91, "ada"))
    buffer.add_event(an_event(92, "ada"))
    assert [event.event_id for event in buffer.take(10).events] == ["0090", "0091", "0092"]


def test_ends_may_overfill_and_then_no_more_is_fetched() -> None:
    buffer = Buffer(2)
    buffer.add_runs(a_run(n, RunState.SUCCESS) for n in range(1, 6))
    assert buffer.full_of_ends
    assert (len(buffer), buffer.dropped) == (5, 0)


def test_what_is_put_back_loses_against_what_came_meanwhile() -> None:
    buffer, run = Buffer(100), a_run(1, RunState.RUNNING)
    buffer.add_runs([replace(run, seq=2)])
    buffer.add_event(an_event(1))
    batch = buffer.take(10)
    ended = replace(run, seq=3, state=RunState.SUCCESS)
    buffer.add_runs([ended])
    buffer.add_event(an_event(2))
    buffer.put_back(batch)
    again = buffer.take(10)
    assert list(again.runs) == [ended]
    assert [event.event_id for event in again.events] == ["0001", "0002"]
