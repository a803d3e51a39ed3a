"""The real components of streamlit-octostar-research inside the local desktop, in a real browser."""

import pytest
from playwright.sync_api import expect

from tests.real.patterns.conftest import Desk

pytestmark = pytest.mark.real


def test_a_plain_component_says_none_first_then_the_value_then_the_push(desk: Desk) -> None:
    desk.open("raw")
    desk.shows("values [None, ['ws-1']]")
    desk.page.get_by_label("Supplier check is open").check()
    desk.shows("values [None, ['ws-1'], ['ws-1', 'ws-2']]")


def test_several_questions_are_asked_in_one_run_and_a_repeated_one_only_once(desk: Desk) -> None:
    desk.open()
    desk.shows("user ada")
    desk.shows("open ws-1")
    desk.shows("again ada")
    assert desk.messages("octostar:desktop:getOpenWorkspaceIds") == 1
    assert desk.messages("subscribe octostar:remoteapp:whoami") == 1


def test_a_push_reaches_the_app_and_the_value_is_kept_across_reruns(desk: Desk) -> None:
    desk.open()
    desk.shows("open ws-1")
    desk.page.get_by_label("Supplier check is open").check()
    desk.shows("history ws-1 then ws-1+ws-2")
    desk.app.get_by_role("button", name="Run again").click()
    desk.shows("open ws-1+ws-2")
    assert desk.messages("octostar:desktop:getOpenWorkspaceIds") == 1, "a rerun asks nothing anew"


def test_answered_with_nothing_is_an_answer(desk: Desk) -> None:
    desk.open("second", answer="nothing", only="getItem")
    desk.shows("item nothing")


def test_an_error_of_the_desktop_is_told_and_can_be_asked_again(desk: Desk) -> None:
    desk.open("second", answer="error", only="getItem")
    expect(desk.app.get_by_text("Octostar could not answer")).to_be_visible(timeout=15_000)
    desk.answers("now")
    desk.app.get_by_role("button", name="Ask again").click()
    desk.shows("item Ines Duarte")


def test_a_call_that_the_desktop_refuses_says_why(desk: Desk) -> None:
    desk.open("third")
    expect(desk.app.get_by_text('There is no workspace "ws-404"')).to_be_visible(timeout=15_000)


def test_no_answer_in_time_is_told(desk: Desk) -> None:
    desk.open("second", answer="never")
    expect(desk.app.get_by_text("Octostar has not answered.")).to_be_visible(timeout=15_000)


def test_an_answer_that_comes_after_the_time_limit_is_still_taken(desk: Desk) -> None:
    desk.open("second", answer="late", delay=5, only="getItem")
    expect(desk.app.get_by_text("Octostar has not answered.")).to_be_visible(timeout=15_000)
    desk.shows("item Ines Duarte")


def test_a_reload_asks_anew_and_is_answered(desk: Desk) -> None:
    desk.open()
    desk.shows("user ada")
    desk.page.get_by_label("User name").fill("ben")
    desk.page.get_by_role("button", name="Become this user").click()
    desk.shows("user ben")
    desk.page.locator("#frame").evaluate("frame => { frame.src = frame.src; }")
    desk.shows("history ws-1")
    desk.shows("user ben")


def test_pages_may_come_and_go_and_every_one_is_answered(desk: Desk) -> None:
    desk.open()
    desk.shows("open ws-1")
    desk.go("Second")
    desk.shows("item Ines Duarte")
    desk.page.get_by_label("Supplier check is open").check()
    desk.go("First")
    desk.shows("open ws-1+ws-2")
    desk.page.get_by_label("Archive is open").check()
    desk.shows("open ws-1+ws-2+ws-3")
    desk.go("Raw")
    desk.page.get_by_label("Archive is open").uncheck()
    expect(desk.app.get_by_text("['ws-1', 'ws-2']]")).to_be_visible(timeout=15_000)


def test_the_listener_outlives_a_plain_component_that_came_first(desk: Desk) -> None:
    desk.open("raw")
    desk.shows("values [None, ['ws-1']]")
    desk.go("Second")
    desk.shows("item Ines Duarte")


def test_outside_octostar_the_app_says_so(desk: Desk) -> None:
    desk.page.goto(f"{desk.app_url}/second")
    expect(desk.page.get_by_text("Octostar has not answered.")).to_be_visible(timeout=15_000)


def test_a_desktop_that_is_loaded_anew_finds_the_app_again(desk: Desk) -> None:
    desk.open()
    desk.shows("open ws-1")
    desk.page.reload()
    desk.shows("open ws-1")
    expect(desk.page.locator("#state")).to_have_text("Connected")
