"""The states of a session: who moves it where, and what is said of it. On a manual clock."""

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from octostar_runtime.errors import SessionNotFound
from octostar_runtime.models.sessions import EndReason, Life, SessionState
from octostar_runtime.sessions.public_id import public_id
from octostar_runtime.sessions.visitor import Visitor
from tests.unit.sessions.parts import scene


def test_a_session_that_stays_away_ends_once_when_its_resume_time_is_over() -> None:
    with scene() as at:
        live = at.arrive()
        at.leave(live)
        at.pass_time(9)
        assert at.registry.get(live.session_id).state is SessionState.DISCONNECTED
        at.pass_time(60)
        record = at.registry.get(live.session_id)
        assert record.state is SessionState.ENDED
        assert record.end_reason is EndReason.CLOSED
        assert at.kinds(live) == ["started", "disconnected", "ended"]


def test_ten_drops_and_returns_are_one_start_and_no_end() -> None:
    with scene() as at:
        live = at.arrive("11111111-2222-4333-8444-555555555555")
        for _ in range(10):
            at.leave(live)
            at.pass_time(9)
            assert at.arrive("11111111-2222-4333-8444-555555555555") is live
        at.pass_time(30)
        assert at.kinds(live).count("started") == 1
        assert at.kinds(live).count("ended") == 0
        assert at.kinds(live).count("reconnected") == 10
        assert at.registry.get(live.session_id).reconnects == 10


def test_each_departure_gets_its_whole_resume_time() -> None:
    with scene() as at:
        live = at.arrive("11111111-2222-4333-8444-555555555555")
        at.leave(live)
        at.pass_time(8)
        at.arrive("11111111-2222-4333-8444-555555555555")
        at.leave(live)
        at.pass_time(8)
        assert at.registry.get(live.session_id).state is SessionState.DISCONNECTED


def test_a_browser_that_comes_back_as_its_time_runs_out_is_not_ended_on_the_way() -> None:
    secret = "11111111-2222-4333-8444-555555555555"
    with scene() as at:
        live = at.arrive(secret)
        at.leave(live)
        at.pass_time(9)
        assert at.registry.presence.comes_back(secret)
        at.pass_time(3)  # the server takes its time to let it in
        assert at.arrive(secret) is live
        at.leave(live)
        at.pass_time(12)
        assert at.kinds(live) == ["started", "disconnected", "reconnected", "disconnected", "ended"]
        assert not at.registry.presence.comes_back(secret)


def test_a_browser_that_did_not_get_its_session_back_lets_its_time_run_on() -> None:
    secret = "11111111-2222-4333-8444-555555555555"
    with scene() as at:
        live = at.arrive(secret)
        at.leave(live)
        at.pass_time(5)
        at.registry.presence.comes_back(secret)
        at.registry.presence.stayed_away(secret)
        at.pass_time(4)
        assert at.registry.get(secret).state is SessionState.DISCONNECTED
        at.pass_time(2)
        assert at.registry.get(secret).state is SessionState.ENDED


def test_a_stepped_wall_clock_ends_nothing() -> None:
    with scene() as at:
        live = at.arrive()
        at.leave(live)
        at.clock.step_wall(86_400)
        at.pass_time(5)
        at.clock.step_wall(-2 * 86_400)
        at.pass_time(4)
        assert at.registry.get(live.session_id).state is SessionState.DISCONNECTED


def test_a_silent_browser_turns_late_and_then_lost_and_a_frame_brings_it_back() -> None:
    with scene() as at:
        live = at.arrive()
        at.pass_time(5)
        assert at.registry.get(live.session_id).life is Life.OK
        at.pass_time(4)
        assert at.registry.get(live.session_id).life is Life.LATE
        at.pass_time(4)
        assert at.registry.get(live.session_id).life is Life.LOST
        at.registry.presence.seen(live, 10)
        at.pass_time(2)
        assert at.registry.get(live.session_id).life is Life.OK


def test_a_browser_whose_pings_cannot_be_heard_is_never_called_late() -> None:
    with scene() as at:
        live = at.arrive()
        live.hears_pings = False
        at.pass_time(120)
        assert at.registry.get(live.session_id).life is Life.OK


def test_who_has_left_is_silent_until_they_are_back() -> None:
    with scene() as at:
        live = at.arrive()
        at.leave(live)
        assert at.registry.get(live.session_id).life is Life.LOST
        at.arrive(live.session_id)
        assert at.registry.get(live.session_id).life is Life.OK


def test_our_own_sweep_is_no_sign_of_life() -> None:
    with scene() as at:
        live = at.arrive()
        seen = at.registry.get(live.session_id).last_seen_at
        at.pass_time(20)
        assert at.registry.get(live.session_id).last_seen_at == seen


def test_a_forgotten_tab_goes_dormant_and_a_click_wakes_it() -> None:
    with scene(open_tab_limit_s=30) as at:
        live = at.arrive()
        for _ in range(6):
            at.pass_time(5)
            at.registry.presence.seen(live)
        at.pass_time(4)
        assert at.registry.get(live.session_id).state is SessionState.DORMANT
        assert not at.registry.get(live.session_id).counts_as_person
        at.registry.presence.interacted(live)
        assert at.registry.get(live.session_id).state is SessionState.CONNECTED
        assert at.kinds(live) == ["started", "dormant", "awake"]


def test_a_reloaded_tab_takes_its_predecessors_place() -> None:
    with scene() as at:
        adopted: list[tuple[str, str]] = []
        ended: list[str] = []
        at.registry.on_session_adopted(lambda old, new: adopted.append((old, new)))
        at.registry.on_session_ended(lambda session_id, _: ended.append(session_id))
        old = at.arrive(user="ada")
        at.leave(old)
        new = at.arrive(user="ada")
        assert at.registry.adopt(new.session_id, old.token) == old.session_id
        assert adopted == [(old.session_id, new.session_id)]
        assert ended == [old.session_id]
        assert at.registry.get(old.session_id).end_reason is EndReason.RELOADED
        assert at.registry.get(new.session_id).predecessor == old.session_id


def test_a_duplicated_tab_takes_nothing_from_a_session_that_is_connected() -> None:
    with scene() as at:
        original, duplicate = at.arrive(), at.arrive()
        assert at.registry.adopt(duplicate.session_id, original.token) is None
        assert at.registry.get(original.session_id).state is SessionState.CONNECTED


def test_a_tab_reloaded_over_a_hanging_network_takes_its_place_once_that_is_found_out() -> None:
    with scene() as at:
        adopted: list[tuple[str, str]] = []
        at.registry.on_session_adopted(lambda old, new: adopted.append((old, new)))
        old = at.arrive()
        at.pass_time(6)  # it hangs: no sign of life, and nobody knows yet
        new = at.arrive()
        assert at.registry.adopt(new.session_id, old.token) is None
        at.pass_time(2)
        at.leave(old)  # a ping was not answered
        assert adopted == [(old.session_id, new.session_id)]
        assert at.registry.get(old.session_id).end_reason is EndReason.RELOADED
        assert at.kinds(old) == ["started", "disconnected", "ended"]


def test_the_original_of_a_duplicated_tab_leaves_nothing_to_its_duplicate() -> None:
    with scene() as at:
        original, duplicate = at.arrive(), at.arrive()
        assert at.registry.adopt(duplicate.session_id, original.token) is None
        at.pass_time(3)
        at.registry.presence.seen(original)  # it lives on beside the duplicate
        at.leave(original)
        at.pass_time(20)
        assert at.registry.get(original.session_id).end_reason is EndReason.CLOSED
        assert at.registry.get(duplicate.session_id).predecessor is None


def test_a_hanging_tab_that_came_back_after_all_keeps_what_is_its_own() -> None:
    with scene() as at:
        old, new = at.arrive("11111111-2222-4333-8444-555555555555"), at.arrive()
        at.registry.adopt(new.session_id, old.token)
        at.registry.presence.connected("11111111-2222-4333-8444-555555555555", Visitor())
        at.leave(old)
        at.pass_time(20)
        assert at.registry.get(old.session_id).end_reason is EndReason.CLOSED


def test_a_blip_does_not_wake_a_forgotten_tab() -> None:
    secret = "11111111-2222-4333-8444-555555555555"
    with scene(open_tab_limit_s=30) as at:
        live = at.arrive(secret)
        at.pass_time(32)
        assert at.registry.get(secret).state is SessionState.DORMANT
        at.leave(live)
        at.arrive(secret)
        assert at.registry.get(secret).state is SessionState.DORMANT
        assert not at.registry.get(secret).counts_as_person
        at.registry.presence.interacted(live)
        assert at.kinds(live) == ["started", "dormant", "disconnected", "reconnected", "awake"]


def test_blips_alone_keep_no_tab_from_being_forgotten() -> None:
    secret = "11111111-2222-4333-8444-555555555555"
    with scene(open_tab_limit_s=30) as at:
        live = at.arrive(secret)
        for _ in range(4):
            at.pass_time(8)
            at.leave(live)
            at.arrive(secret)
        at.pass_time(2)
        assert at.registry.get(secret).state is SessionState.DORMANT


def test_another_users_tab_takes_nothing() -> None:
    with scene() as at:
        old = at.arrive(user="ada")
        at.leave(old)
        assert at.registry.adopt(at.arrive(user="eve").session_id, old.token) is None
        assert at.registry.adopt(at.arrive(user="ada").session_id, "guessed") is None


def test_an_ended_session_may_not_be_resumed_and_its_browser_is_told() -> None:
    secret = "11111111-2222-4333-8444-555555555555"
    with scene() as at:
        at.arrive(secret)
        at.registry.end(secret, by="ada", reason="maintenance")
        assert not at.registry.presence.may_resume(secret)
        fresh = at.registry.presence.connected("99999999-2222-4333-8444-555555555555", Visitor(), instead_of=secret)
        (message,) = at.registry.take_messages(fresh.session_id)
        assert "operator ended your session" in message.text
        assert at.registry.take_messages(fresh.session_id) == ()


def test_records_show_only_the_beginning_of_the_secret_id() -> None:
    secret = "11111111-2222-4333-8444-555555555555"
    with scene() as at:
        live = at.arrive(secret)
        assert live.session_id == public_id(secret) == "11111111-2222"
        assert at.registry.get(secret).session_id == "11111111-2222"
        assert all(secret not in repr(event) for event in at.events)
        with pytest.raises(SessionNotFound, match="ffffffff-2222'"):
            at.registry.get("ffffffff-2222-4333-8444-555555555555")


def test_changes_are_handed_out_once_and_records_are_the_same_object_while_nothing_changes() -> None:
    with scene() as at:
        live = at.arrive()
        assert [record.session_id for record in at.registry.drain_changes()] == [live.session_id]
        assert at.registry.drain_changes() == []
        first = at.registry.get(live.session_id)
        assert at.registry.get(live.session_id) is first
        at.registry.presence.seen(live)
        assert at.registry.get(live.session_id).seq > first.seq


def test_closing_ends_everybody_with_the_reason() -> None:
    with scene() as at:
        live, away = at.arrive(), at.arrive()
        at.leave(away)
        at.registry.close()
        assert {at.registry.get(s.session_id).end_reason for s in (live, away)} == {EndReason.SERVER_STOP}


_STEP = st.sampled_from(["arrive", "return", "leave", "wait", "wait long", "kick", "interact", "adopt"])


@hypothesis_settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(_STEP, st.integers(0, 2)), max_size=40))
def test_whatever_happens_every_session_starts_once_and_ends_at_most_once(steps: list[tuple[str, int]]) -> None:
    with scene(open_tab_limit_s=25) as at:
        secrets = [f"{number}0000000-2222-4333-8444-555555555555" for number in range(3)]
        seen = []
        for step, which in steps:
            presence, secret = at.registry.presence, secrets[which]
            live = presence.live.get(public_id(secret))
            if step in ("arrive", "return") and presence.may_resume(secret):
                seen.append(at.arrive(secret))
            elif step == "leave":
                presence.disconnected(secret)
            elif step.startswith("wait"):
                at.pass_time(12 if step == "wait long" else 3)
            elif live is not None and step == "kick":
                at.registry.end(secret, by="ada")
            elif live is not None and step == "interact":
                presence.interacted(live)
            elif live is not None and step == "adopt":
                other = presence.live.get(public_id(secrets[(which + 1) % 3]))
                if other is not None:
                    at.registry.adopt(live.session_id, other.token)
        for session in seen:
            kinds = at.kinds(session)
            assert kinds.count("started") == 1
            assert kinds.count("ended") == (session.state is SessionState.ENDED)
            assert "ended" not in kinds or kinds[-1] == "ended"
