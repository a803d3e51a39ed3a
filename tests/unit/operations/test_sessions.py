"""What operators do to sessions leaves who, what and why in the history."""

import pytest

from octostar_runtime.errors import InvalidInput, LimitReached, NotAllowed, NoticeNotFound
from octostar_runtime.models.access import Principal
from octostar_runtime.models.events import Event
from octostar_runtime.runtime import Runtime
from octostar_runtime.sessions import SessionRegistry
from octostar_runtime.sessions.notices import MOST_NOTICES
from octostar_runtime.sessions.visitor import Visitor
from octostar_runtime.settings import Settings


@pytest.fixture
def session_id(runtime: Runtime) -> str:
    live = runtime.sessions.presence.connected("11111111-2222-4333-8444-555555555555", Visitor(user="grace"))
    runtime.fleet.refresh_now()
    return live.session_id


@pytest.mark.parametrize("verb", ["end_sessions", "stop_scripts", "rerun_sessions"])
def test_an_action_is_told_with_its_reason_by_who_asked_and_by_the_session(
    runtime: Runtime, operator: Principal, viewer: Principal, events: list[Event], session_id: str, verb: str
) -> None:
    (outcome,) = getattr(runtime.operations, verb)([session_id], by=operator, reason="maintenance")
    assert outcome.ok
    told = [e for e in events if e.subject == session_id and (e.actor, e.reason) == (operator.name, "maintenance")]
    assert len(told) == 2, "what was asked, and what happened"
    with pytest.raises(NotAllowed):
        getattr(runtime.operations, verb)([session_id], by=viewer)


def test_a_message_keeps_its_reason(
    runtime: Runtime, operator: Principal, events: list[Event], session_id: str
) -> None:
    runtime.operations.message_sessions([session_id], "Save your work", by=operator, reason="update")
    (left,) = [e for e in events if e.kind == "session.messaged"]
    assert (left.subject, left.actor, left.reason) == (session_id, operator.name, "update")
    (message,) = runtime.sessions.take_messages(session_id)
    assert message.text == "Save your work"


def test_a_broadcast_may_last_for_newcomers(
    runtime: Runtime, operator: Principal, events: list[Event], session_id: str
) -> None:
    runtime.operations.message_sessions(None, "Down at noon", "warning", by=operator, reason="update", lasting_s=600)
    assert len(runtime.sessions.take_messages(session_id)) == 1
    assert [notice.text for notice in runtime.sessions.notices.current()] == ["Down at noon"]
    (posted,) = [e for e in events if e.kind == "session.notice_posted"]
    assert (posted.actor, posted.reason, posted.data["lasting_s"]) == (operator.name, "update", 600)


def test_a_lasting_message_is_withdrawn_everywhere_with_who_and_why(
    runtime: Runtime, operator: Principal, viewer: Principal, events: list[Event], session_id: str
) -> None:
    runtime.operations.message_sessions(None, "Down at noon", "warning", by=operator, lasting_s=600)
    (notice,) = runtime.notices.all()
    assert (notice.text, notice.by) == ("Down at noon", operator.name)
    assert 590 < notice.until - runtime.clock.time() <= 600
    with pytest.raises(NotAllowed):
        runtime.operations.withdraw_notice(notice.notice_id, by=viewer)
    runtime.operations.withdraw_notice(notice.notice_id, by=operator, reason="it is off")
    assert runtime.notices.all() == ()
    assert runtime.sessions.notices.current() == (), "newcomers are told nothing"
    assert runtime.sessions.take_messages(session_id) == (), "who has not read it yet is told nothing"
    assert runtime.sessions.notices.is_withdrawn(notice.notice_id), "pages that show it take it away"
    (told,) = [e for e in events if e.kind == "session.notice_withdrawn"]
    assert (told.actor, told.reason, told.data["text"]) == (operator.name, "it is off", "Down at noon")
    with pytest.raises(NoticeNotFound, match="withdrawn"):
        runtime.operations.withdraw_notice(notice.notice_id, by=operator)


def test_a_lasting_message_outlives_a_restart_and_a_withdrawal_reaches_who_missed_it(
    runtime: Runtime, operator: Principal, session_id: str
) -> None:
    runtime.operations.message_sessions(None, "Down at noon", by=operator, lasting_s=600)
    local = runtime.sessions.post_notice("Of this process", "info", by="the app", lasting_s=600)
    restarted = SessionRegistry(
        node_id="other", clock=runtime.clock, sink=runtime.bus, settings=Settings(heartbeat_interval_s=2)
    )
    restarted.follow_notices(runtime.notices)
    assert [notice.text for notice in restarted.notices.current()] == ["Down at noon"]
    (notice,) = runtime.notices.all()
    runtime.notices.withdraw(notice.notice_id)
    for registry in (restarted, runtime.sessions):
        registry.follow_notices(runtime.notices)
        assert notice.notice_id not in {one.notice_id for one in registry.notices.current()}
    assert [one.notice_id for one in runtime.sessions.notices.current()] == [local]
    restarted.close()


def test_so_many_lasting_messages_that_nobody_reads_them_are_refused(
    runtime: Runtime, operator: Principal, session_id: str
) -> None:
    for number in range(MOST_NOTICES):
        runtime.operations.message_sessions(None, f"Message {number}", by=operator, lasting_s=600)
    runtime.sessions.take_messages(session_id)
    with pytest.raises(LimitReached, match="withdraw one"):
        runtime.operations.message_sessions(None, "One more", by=operator, lasting_s=600)
    assert runtime.sessions.take_messages(session_id) == (), "and nobody was told half of it"


@pytest.mark.parametrize(("to_all", "lasting_s"), [(False, 60.0), (True, -1.0), (True, 1e9)])
def test_a_notice_for_newcomers_is_for_everybody_and_for_a_day_at_most(
    runtime: Runtime, operator: Principal, session_id: str, to_all: bool, lasting_s: float
) -> None:
    chosen = None if to_all else [session_id]
    with pytest.raises(InvalidInput, match="everybody"):
        runtime.operations.message_sessions(chosen, "Down at noon", by=operator, lasting_s=lasting_s)
    assert runtime.sessions.take_messages(session_id) == ()
