"""What every store does with nodes, sessions and events: who is gone takes their work along, once."""

from dataclasses import replace

from octostar_runtime.models.events import Event
from octostar_runtime.models.nodes import NodeState
from octostar_runtime.models.runs import CancelOutcome, CancelRecord, LogLine, RunState
from octostar_runtime.models.sessions import EndReason, SessionRecord, SessionState
from octostar_runtime.store import Batch, Store
from tests.contracts.store.conftest import a_node
from tests.support.fleet_samples import a_run


def a_session(number: int, node_id: str = "there", **changes: object) -> SessionRecord:
    record = SessionRecord(
        session_id=f"s{number}",
        node_id=node_id,
        state=SessionState.CONNECTED,
        connected_at=float(number),
        last_seen_at=float(number),
        user="ada@example.org",
    )
    return replace(record, **changes)  # type: ignore[arg-type]


def with_a_busy_node(store: Store) -> None:
    store.nodes.join(a_node("there"))
    runs = [replace(a_run(n, RunState.RUNNING), node_id="there") for n in range(1, 4)]
    done = replace(a_run(9, RunState.SUCCESS), node_id="there")
    store.write(Batch(runs=[*runs, done], sessions=[a_session(1), a_session(2, state=SessionState.DISCONNECTED)]))


def test_a_beating_heart_moves_its_counter_and_brings_the_status(store: Store) -> None:
    store.nodes.join(a_node("there", meta={"python": "3"}))
    (before,) = store.nodes.all()
    assert store.nodes.beat("there", at=5.0, state=NodeState.DRAINING, status={"pools": [1]})
    (after,) = store.nodes.all()
    assert after.beat > before.beat
    assert after.record.heartbeat_at == 5.0
    assert after.record.state is NodeState.DRAINING
    assert after.record.meta == {"python": "3"}
    assert after.status == {"pools": [1]}


def test_what_a_lost_node_had_is_lost_and_what_had_ended_stays(store: Store) -> None:
    with_a_busy_node(store)
    (node,) = store.nodes.all()
    assert store.nodes.declare_lost("there", beat=node.beat, by="here", at=50.0)
    assert store.runs.counts() == {RunState.LOST: 3, RunState.SUCCESS: 1}
    session = store.sessions.get("s1")
    assert session is not None
    assert (session.state, session.end_reason, session.ended_at) == (SessionState.ENDED, EndReason.LOST, 50.0)
    assert store.sessions.live() == []
    assert len(store.events.events(kind="run.lost")) == 3
    assert len(store.events.events(kind="session.ended")) == 2
    assert store.nodes.unburied() == []


def test_a_node_whose_heart_moved_cannot_be_declared_lost(store: Store) -> None:
    with_a_busy_node(store)
    (node,) = store.nodes.all()
    store.nodes.beat("there", at=5.0)
    assert not store.nodes.declare_lost("there", beat=node.beat, by="here", at=50.0)
    assert RunState.LOST not in store.runs.counts()


def test_only_the_first_of_two_declares_a_node_lost(store: Store) -> None:
    with_a_busy_node(store)
    (node,) = store.nodes.all()
    assert store.nodes.declare_lost("there", beat=node.beat, by="a", at=50.0)
    assert not store.nodes.declare_lost("there", beat=node.beat, by="b", at=51.0)
    assert len(store.events.events(kind="node.lost")) == 1


def test_a_node_that_comes_back_is_fenced_until_it_joins_again(store: Store) -> None:
    with_a_busy_node(store)
    (node,) = store.nodes.all()
    store.nodes.declare_lost("there", beat=node.beat, by="here", at=50.0)
    assert not store.nodes.beat("there", at=51.0)
    late = replace(a_run(1, RunState.SUCCESS), node_id="there", seq=99)
    store.write(Batch(runs=[late], sessions=[a_session(1, seq=99)]))
    assert store.runs.counts()[RunState.LOST] == 3
    assert store.sessions.live() == []
    assert store.nodes.rejoin(a_node("there"), at=52.0) == 2
    assert store.nodes.beat("there", at=53.0)
    assert store.nodes.all()[0].record.state is NodeState.OK


def test_sessions_whose_browsers_outlived_the_loss_live_again_and_others_do_not(store: Store) -> None:
    store.nodes.join(a_node("there"))
    closed = a_session(3, state=SessionState.ENDED, ended_at=9.0, end_reason=EndReason.CLOSED)
    store.write(Batch(sessions=[a_session(1), a_session(2), closed]))
    (node,) = store.nodes.all()
    store.nodes.declare_lost("there", beat=node.beat, by="here", at=50.0)
    assert store.sessions.live() == []
    still_open = [a_session(1, seq=9), a_session(3, seq=9), a_session(4, seq=1)]
    store.nodes.rejoin(a_node("there"), at=52.0, sessions=still_open)
    assert [session.session_id for session in store.sessions.live()] == ["s1"]
    store.write(Batch(sessions=[a_session(1, seq=10, page="tasks")]))
    back = store.sessions.get("s1")
    assert back is not None
    assert (back.page, back.end_reason) == ("tasks", None)
    assert [event.subject for event in store.events.events(kind="session.returned")] == ["s1"]


def test_a_goodbye_ends_what_was_left_open(store: Store) -> None:
    with_a_busy_node(store)
    store.nodes.leave("there", at=60.0)
    session = store.sessions.get("s2")
    assert session is not None
    assert session.end_reason is EndReason.SERVER_STOP
    assert store.nodes.all()[0].record.state is NodeState.STOPPED
    assert not store.nodes.beat("there", at=61.0)


def test_sessions_are_found_by_the_time_they_lived(store: Store) -> None:
    ended = a_session(1, state=SessionState.ENDED, ended_at=20.0, end_reason=EndReason.CLOSED)
    store.write(Batch(sessions=[ended, a_session(5), a_session(30, user=None)]))
    assert [s.session_id for s in store.sessions.between(10.0, 25.0)] == ["s1", "s5"]
    assert [s.session_id for s in store.sessions.between(21.0, 40.0)] == ["s5", "s30"]
    assert [s.session_id for s in store.sessions.between(0.0, 40.0, user="ada@example.org")] == ["s1", "s5"]
    assert [s.session_id for s in store.sessions.recent(without_node="here", ended_since=15.0)] == ["s30", "s5", "s1"]
    assert store.sessions.recent(without_node="there", ended_since=0.0) == []


def an_event(number: int, kind: str = "run.cancelled", **changes: object) -> Event:
    event = Event(kind=kind, subject=f"r{number}", at=float(number), node_id="here", event_id=f"{number:04d}")
    return replace(event, **changes)  # type: ignore[arg-type]


def test_events_come_newest_first_and_once(store: Store) -> None:
    events = [an_event(1), an_event(2, "session.ended"), an_event(3, actor="Ada", reason="too Slow", data={"x": "Y_z"})]
    store.write(Batch(events=events))
    store.write(Batch(events=events))
    found = store.events.events()
    assert list(found) == events[::-1]
    assert [e.event_id for e in store.events.events(kind="run.")] == ["0003", "0001"]
    assert [e.event_id for e in store.events.events(kind="session.ended")] == ["0002"]
    assert [e.event_id for e in store.events.events(audit=True)] == ["0003"]
    assert [e.event_id for e in store.events.events(actor="Ada")] == ["0003"]
    assert [e.event_id for e in store.events.events(text="too slow")] == ["0003"]
    assert [e.event_id for e in store.events.events(text="y_z")] == ["0003"]
    assert [e.event_id for e in store.events.events(text="%")] == []
    assert [e.event_id for e in store.events.events(before="0003", limit=1)] == ["0002"]
    assert [e.event_id for e in store.events.events(subject="r1")] == ["0001"]


def test_nothing_personal_of_an_erased_user_is_found_again(store: Store) -> None:
    user = "ada@example.org"
    theirs = replace(a_run(1, RunState.ERROR), user=user, arguments=f"mail='{user}'", error=f"no mail for {user}")
    others = replace(a_run(2, RunState.ERROR), user="bob@example.org", arguments="x=1")
    events = [an_event(1, actor=user), an_event(2, data={"before": {"who": [user.upper()]}}), an_event(3, subject=user)]
    store.write(
        Batch(runs=[theirs, others], sessions=[a_session(1)], events=events, portable={theirs.run_id: '{"a": 1}'})
    )
    assert store.erase_user(user) == 5
    assert store.erase_user(user) == 0
    assert store.runs.count("ada@example") == 0
    assert store.runs.portable_arguments(theirs.run_id) is None
    assert store.runs.counts() == {RunState.ERROR: 2}
    assert store.runs.count("user:bob*") == 1
    session = store.sessions.get("s1")
    assert session is not None
    assert session.user is None
    seen = f"{store.runs.get(theirs.run_id)}{store.events.events()}{store.runs.find('', limit=10)}".casefold()
    assert user not in seen
    assert store.events.events(text=user) == []


def test_an_erased_user_is_named_in_nobody_elses_records_and_similar_names_stay(store: Store) -> None:
    cancel = CancelRecord(
        requested_at=1.0, by="ada", reason="for Ada", outcome=CancelOutcome.STOPPED, stopped_after_s=0.1
    )
    by_ada = replace(
        a_run(1, RunState.CANCELLED),
        user="bob",
        cancel=cancel,
        logs=(LogLine(at=1.0, level="INFO", logger="a", text="ada!"),),
    )
    adamant = replace(a_run(2, RunState.ERROR), user="adamant", arguments="who='ada@example.org'", error="ada.lovelace")
    events = [an_event(n, actor=actor) for n, actor in enumerate(["adamant", "ada@example.org", "ada"], start=1)]
    spoken = an_event(9, data={"text": "Grüße an Ada"}, actor="bob")
    store.write(Batch(runs=[by_ada, adamant], events=[*events, spoken], portable={adamant.run_id: '{"a": "ada-x"}'}))
    assert store.erase_user("ada") == 3
    assert store.erase_user("ada") == 0
    found = store.runs.get(by_ada.run_id)
    assert found is not None
    assert found.cancel is not None
    assert (found.user, found.cancel.by, found.cancel.reason) == ("bob", "erased", "for erased")
    assert found.logs[0].text == "erased!"
    assert found.seq > by_ada.seq  # or other nodes would go on showing what they have read
    assert store.runs.get(adamant.run_id) == adamant
    assert store.runs.portable_arguments(adamant.run_id) == {"a": "ada-x"}
    assert [event.actor for event in store.events.events()] == ["bob", "erased", "ada@example.org", "adamant"]
    assert store.events.events()[0].data == {"text": "Grüße an erased"}


def test_a_name_with_an_umlaut_is_erased_and_found_in_the_details_of_events(store: Store) -> None:
    event = an_event(1, data={"user": "Jörg%"})
    store.write(Batch(events=[event], runs=[replace(a_run(1, RunState.SUCCESS), arguments="an='Jörg%'")]))
    assert [e.event_id for e in store.events.events(text="jörg%")] == ["0001"]
    assert store.erase_user("Jörg%") == 2
    assert "rg%" not in f"{store.events.events()}{store.runs.find('', limit=10)}"


def test_what_a_cluster_executes_is_spared_for_a_while_and_taken_over_once(store: Store) -> None:
    store.nodes.join(a_node("there", heartbeat_at=100.0))
    here = replace(a_run(1, RunState.RUNNING), node_id="there")
    cluster = [
        replace(a_run(n, RunState.RUNNING), node_id="there", elsewhere="tcp://c:1 topic key") for n in range(2, 5)
    ]
    store.write(Batch(runs=[here, *cluster]))
    (node,) = store.nodes.all()
    assert store.nodes.declare_lost("there", beat=node.beat, by="here", at=105.0)
    assert store.runs.counts() == {RunState.LOST: 1, RunState.RUNNING: 3}

    first, second, _ = cluster
    assert store.nodes.take_over(first.run_id, from_node="there", to_node="here")
    assert not store.nodes.take_over(first.run_id, from_node="there", to_node="elsewhere")
    assert not store.nodes.take_over(here.run_id, from_node="there", to_node="here"), "it has ended"
    taken = store.runs.get(first.run_id)
    assert taken is not None
    assert (taken.node_id, taken.state, taken.elsewhere) == ("here", RunState.RUNNING, "tcp://c:1 topic key")
    store.write(Batch(runs=[replace(taken, state=RunState.SUCCESS, seq=taken.seq + 5, ended_at=110.0)]))

    while store.nodes.bury("there", by="here", at=500.0):
        pass
    assert store.runs.counts() == {RunState.LOST: 3, RunState.SUCCESS: 1}
    lost = store.runs.get(second.run_id)
    assert lost is not None
    assert lost.state is RunState.LOST
