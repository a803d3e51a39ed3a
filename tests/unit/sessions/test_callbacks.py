"""Session callbacks: in order, guarded, timed, and nobody else's business."""

import threading
import time

import pytest

from octostar_runtime.errors import InvalidInput
from octostar_runtime.models.sessions import SessionEvent
from octostar_runtime.testing import wait_until
from tests.unit.sessions.parts import scene


def test_callbacks_of_a_session_hear_its_life_in_order() -> None:
    with scene() as at:
        heard: list[str] = []
        at.registry.on("start", lambda event: heard.append(event.kind))
        live = at.arrive()
        for kind in ("heartbeat", "disconnect", "reconnect", "end"):
            at.registry.on(kind, lambda event: heard.append(event.kind), session_id=live.session_id, key=kind)
        wait_until(lambda: heard == ["start"], what="start")
        at.pass_time(2)
        wait_until(lambda: heard[-1] == "heartbeat", what="the heartbeat")
        at.leave(live)
        at.arrive(live.session_id)
        at.leave(live)
        at.pass_time(20)
        wait_until(lambda: heard[-1] == "end", what="end")
        assert heard == ["start", "heartbeat", "disconnect", "reconnect", "disconnect", "end"]


def test_a_raising_callback_is_counted_and_the_others_go_on() -> None:
    with scene() as at:
        live, other = at.arrive(), at.arrive()
        beats: list[str] = []

        def bad(_: SessionEvent) -> None:
            raise ValueError("no")

        def exits(_: SessionEvent) -> None:
            raise SystemExit(3)

        at.registry.on("heartbeat", bad, session_id=live.session_id)
        at.registry.on("heartbeat", exits, session_id=live.session_id)
        at.registry.on("heartbeat", lambda e: beats.append(e.session_id), session_id=other.session_id)
        for _ in range(3):
            wait_until(lambda: not at.registry.busy, what="quiet")
            at.pass_time(2)
        wait_until(lambda: len(beats) == 3, what="the other's heartbeats")
        wait_until(lambda: not at.registry.busy, what="quiet")
        health = {record.name.rpartition(".")[2]: record for record in at.registry.callbacks()}
        assert health["bad"].failures == 3
        assert health["bad"].last_error == "ValueError: no"
        assert health["exits"].failures == 3


def test_a_callback_that_raises_what_is_no_exception_costs_no_worker() -> None:
    class Abort(BaseException):
        pass

    def aborts(_: SessionEvent) -> None:
        raise Abort("out")

    with scene() as at:
        beats: list[str] = []
        for _ in range(6):  # more than there are workers
            at.registry.on("heartbeat", aborts, session_id=at.arrive().session_id)
        at.registry.on("disconnect", aborts)
        other = at.arrive()
        at.registry.on("heartbeat", lambda e: beats.append(e.kind), session_id=other.session_id)
        for turn in range(3):
            at.pass_time(2)
            wait_until(lambda turn=turn: len(beats) == turn + 1, what="the other's heartbeat")  # type: ignore[misc]
            wait_until(lambda: not at.registry.busy, what="quiet")
        at.leave(other)
        wait_until(lambda: not at.registry.busy, what="quiet")
        failing = [record for record in at.registry.callbacks() if record.failures]
        assert [record.failures for record in failing if record.event == "heartbeat"] == [3] * 6
        assert [record.failures for record in failing if record.event == "disconnect"] == [1]
        assert {record.last_error for record in failing} == {"Abort: out"}


def test_a_heartbeat_whose_session_has_left_meanwhile_is_passed_over() -> None:
    with scene() as at:
        release, blocked = threading.Event(), threading.Barrier(3)
        beats: list[str] = []

        def block(_: SessionEvent) -> None:
            blocked.wait(5)
            release.wait(5)

        for _ in range(2):  # as many as there are workers
            at.registry.on("heartbeat", block, session_id=at.arrive().session_id)
        leaves, ends, stays = (at.arrive() for _ in range(3))
        for live in (leaves, ends, stays):
            for kind in ("heartbeat", "disconnect", "end"):
                at.registry.on(kind, lambda e: beats.append(e.session_id + e.kind), live.session_id, key=kind)
        at.pass_time(2)
        blocked.wait(5)
        at.leave(leaves)
        at.registry.end(ends.session_id, by="ada")
        release.set()
        wait_until(lambda: not at.registry.busy, what="quiet")
        assert sorted(beats) == sorted(
            [leaves.session_id + "disconnect", ends.session_id + "end", stays.session_id + "heartbeat"]
        )


def test_events_that_find_too_many_waiting_are_counted_and_the_callback_is_shown_in_trouble() -> None:
    with scene() as at:
        release = threading.Event()
        at.registry._dispatcher._lane_limit = 5
        at.registry.on("heartbeat", lambda _: release.wait(5))
        for _ in range(20):
            at.arrive()
        at.pass_time(2)
        release.set()
        wait_until(lambda: not at.registry.busy, what="quiet")
        (record,) = at.registry.callbacks()
        assert record.dropped > 0
        assert record.calls + record.dropped == 20


def test_slow_callbacks_delay_nobody_else_and_are_reported() -> None:
    with scene() as at:
        release = threading.Event()
        beats: list[str] = []
        for _ in range(8):
            at.registry.on("heartbeat", lambda _: release.wait(10), session_id=at.arrive().session_id)
        quick = at.arrive()
        at.registry.on("heartbeat", lambda e: beats.append(e.kind), session_id=quick.session_id)
        started = time.monotonic()

        def watched() -> bool:
            at.registry.monitor.turn()
            return bool(beats)

        at.clock.advance(2)
        wait_until(watched, timeout_s=3, what="the quick session's heartbeat")
        assert time.monotonic() - started < 1.5

        def all_reported() -> bool:
            at.registry.monitor.turn()
            return at.kinds().count("callback_slow") == 8

        wait_until(all_reported, timeout_s=5, what="the reports")
        release.set()
        wait_until(lambda: not at.registry.busy, what="quiet")
        assert sum(record.slow for record in at.registry.callbacks()) == 8


def test_a_session_still_busy_with_its_last_heartbeat_gets_no_second_one() -> None:
    with scene() as at:
        release = threading.Event()
        calls: list[int] = []
        live = at.arrive()

        def hold(_: SessionEvent) -> None:
            calls.append(1)
            release.wait(5)

        at.registry.on("heartbeat", hold, session_id=live.session_id)
        at.pass_time(10)
        release.set()
        wait_until(lambda: not at.registry.busy, what="quiet")
        assert len(calls) == 1


def test_registering_the_same_definition_again_replaces_it() -> None:
    with scene() as at:
        live = at.arrive()
        heard: list[int] = []
        for number in range(100):
            at.registry.on("end", lambda _, number=number: heard.append(number), session_id=live.session_id)  # type: ignore[misc]
        at.registry.end(live.session_id, by="ada")
        wait_until(lambda: bool(heard), what="end")
        wait_until(lambda: not at.registry.busy, what="quiet")
        assert heard == [99]


def test_a_removed_callback_hears_nothing_more() -> None:
    with scene() as at:
        heard: list[str] = []
        remove = at.registry.on("start", lambda event: heard.append(event.kind))
        remove()
        at.arrive()
        wait_until(lambda: not at.registry.busy, what="quiet")
        assert heard == []


def test_a_callback_may_call_the_registry_without_a_deadlock() -> None:
    with scene() as at:
        counts: list[int] = []
        at.registry.on("start", lambda _: counts.append(len(at.registry.sessions())))
        at.arrive()
        wait_until(lambda: counts == [1], what="the callback's answer")


def test_somebody_came_and_everybody_has_gone_are_told_once_each() -> None:
    with scene() as at:
        heard: list[str] = []
        at.registry.on_first_start(lambda event: heard.append(event.kind))
        at.registry.on_all_ended(lambda event: heard.append(event.kind))
        one, two = at.arrive(), at.arrive()
        at.leave(one)
        at.leave(two)
        at.arrive(two.session_id)
        at.pass_time(30)
        wait_until(lambda: heard == ["first_start"], what="the first")
        at.leave(two)
        at.pass_time(9)
        assert heard == ["first_start"]  # the resume time is respected
        at.pass_time(5)
        wait_until(lambda: heard == ["first_start", "all_ended"], what="the last")


def test_who_registers_when_somebody_is_there_already_hears_of_it_once() -> None:
    with scene() as at:
        heard: list[str] = []
        live = at.arrive()
        for _ in range(3):  # a script registers in every run
            at.registry.on_first_start(lambda event: heard.append(event.session_id))
        wait_until(lambda: heard == [live.session_id], what="the one who is there")
        at.leave(live)
        at.pass_time(12)
        other = at.arrive()
        wait_until(lambda: heard == [live.session_id, other.session_id], what="the next")


def test_who_registers_when_nobody_is_there_waits() -> None:
    with scene() as at:
        heard: list[str] = []
        at.registry.on_all_ended(lambda event: heard.append(event.kind))
        at.registry.on_first_start(lambda event: heard.append(event.kind))
        at.pass_time(5)
        assert heard == []


def test_many_callbacks_that_never_return_still_delay_nobody_else() -> None:
    with scene() as at:
        release = threading.Event()
        beats: list[float] = []
        for _ in range(60):
            at.registry.on("heartbeat", lambda _: release.wait(20), session_id=at.arrive().session_id)
        quick = at.arrive()
        at.registry.on("heartbeat", lambda _: beats.append(time.monotonic()), session_id=quick.session_id)
        try:
            at.clock.advance(2)
            started = time.monotonic()

            def watched() -> bool:
                at.registry.monitor.turn()
                return bool(beats)

            wait_until(watched, timeout_s=5, what="the quick session's heartbeat")
            assert beats[0] - started < 3
            assert at.registry.workers > 2
        finally:
            release.set()
        wait_until(lambda: not at.registry.busy, what="quiet")

        def gone() -> bool:
            at.registry.monitor.turn()
            return at.registry.workers == 2

        wait_until(gone, timeout_s=8, what="the surplus workers' leave")


def test_whoever_only_looks_at_the_console_is_nobody() -> None:
    with scene() as at:
        at.registry.set_console_pages(lambda page: page == "sessions")
        heard: list[str] = []
        at.registry.on_first_start(lambda event: heard.append(event.kind))
        at.registry.on_all_ended(lambda event: heard.append(event.kind))
        live = at.arrive()
        at.registry.presence.turned_to(live, "sessions")
        at.pass_time(10)
        assert at.registry.get(live.session_id).observer
        assert heard == []
        at.registry.presence.turned_to(live, "")
        wait_until(lambda: heard == ["first_start"], what="a person")
        at.registry.presence.turned_to(live, "sessions")
        wait_until(lambda: heard == ["first_start", "all_ended"], what="nobody")


@pytest.mark.parametrize(("event", "session"), [("stat", None), ("all_ended", "x")])
def test_an_event_there_is_not_is_refused_with_the_fix(event: str, session: str | None) -> None:
    with scene() as at:
        given = at.arrive().session_id if session else None
        with pytest.raises(InvalidInput, match=r"use one of|leave session_id out"):
            at.registry.on(event, lambda _: None, session_id=given)
