"""What operators say to sessions."""

import pytest

from octostar_runtime.errors import InvalidInput, SessionNotFound
from octostar_runtime.models.sessions import OperatorMessage
from octostar_runtime.sessions.mailbox import Mailbox
from tests.unit.sessions.parts import scene


def test_a_message_waits_for_its_session_alone_and_is_logged_with_who_and_why() -> None:
    with scene() as at:
        one, two = at.arrive(), at.arrive()
        at.registry.send_message([one.session_id], "Save your work", "warning", by="ada", reason="update")
        (message,) = at.registry.take_messages(one.session_id)
        assert (message.text, message.level, message.by) == ("Save your work", "warning", "ada")
        assert at.registry.take_messages(two.session_id) == ()
        event = at.events[-1]
        assert (event.kind, event.actor, event.reason) == ("session.messaged", "ada", "update")


def test_a_message_to_all_reaches_every_live_session() -> None:
    with scene() as at:
        sessions = [at.arrive() for _ in range(3)]
        assert at.registry.send_message(None, "Hello", by="ada") == 3
        assert all(len(session.mailbox) == 1 for session in sessions)


def test_a_lasting_broadcast_also_waits_for_whoever_comes_later() -> None:
    with scene() as at:
        at.registry.broadcast("Maintenance at noon", by="ada", lasting_s=60)
        assert [message.text for message in at.registry.notices.current()] == ["Maintenance at noon"]
        at.clock.advance(61)
        assert at.registry.notices.current() == ()


def test_a_lasting_broadcast_of_this_process_is_withdrawn() -> None:
    with scene() as at:
        live = at.arrive()
        at.registry.broadcast("Maintenance at noon", by="ada", lasting_s=60)
        at.registry.send_message([live.session_id], "Save your work", by="ada")
        (notice,) = at.registry.notices.current()
        at.registry.withdraw_notice(notice.notice_id)
        assert at.registry.notices.current() == ()
        assert [message.text for message in at.registry.take_messages(live.session_id)] == ["Save your work"]


@pytest.mark.parametrize(("text", "level"), [("", "info"), ("x" * 501, "info"), ("x", "loud")])
def test_an_unusable_message_is_refused(text: str, level: str) -> None:
    with scene() as at, pytest.raises(InvalidInput):
        at.registry.send_message([at.arrive().session_id], text, level, by="ada")


def test_acting_on_a_session_that_is_not_there_says_so() -> None:
    with scene() as at:
        for act in (at.registry.end, at.registry.rerun, at.registry.stop_script):
            with pytest.raises(SessionNotFound, match="may have ended"):
                act("nobody", by="ada")


def test_a_full_mailbox_drops_the_oldest_and_counts() -> None:
    box = Mailbox(limit=2)
    for number in range(3):
        box.put(OperatorMessage(text=str(number), level="info", by="ada", at=0.0))
    assert [message.text for message in box.take()] == ["1", "2"]
    assert box.dropped == 1
