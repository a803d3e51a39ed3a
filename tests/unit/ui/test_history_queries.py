"""History reads as sentences."""

import pytest

from octostar_runtime.access.visible import View
from octostar_runtime.errors import NotAllowed
from octostar_runtime.models.access import Principal, Role
from octostar_runtime.models.events import Event
from octostar_runtime.settings import Settings
from octostar_runtime.ui.links import Links
from octostar_runtime.ui.queries import history
from octostar_runtime.ui.queries.people import Eyes
from tests.support.fleet_samples import sample_events, session_id

EYES = Eyes(View(Settings()), Principal(name="olga", role=Role.OPERATOR, via="link"))


def test_a_kind_reads_in_plain_words() -> None:
    assert history.word("run.cancel_requested").label == "Task cancel requested"


def test_before_and_after_and_the_reason_are_told() -> None:
    event = Event(
        kind="pool.resize_requested",
        subject="default",
        at=0,
        node_id="n",
        actor="ada",
        reason="month end",
        data={"before": 6, "after": 10},
    )

    assert history.detail(event) == "month end · 6 → 10"


def test_markup_in_an_event_stays_text() -> None:
    event = Event(kind="run.failed", subject="<script>alert(1)</script>", at=0, node_id="n", reason="<b>x</b>")

    (line,) = history.lines([event], Links(), EYES)

    assert "<script>" not in line.body
    assert "<b>" not in line.body


def test_each_event_is_a_row_by_its_id() -> None:
    events = sample_events()

    assert [row[0] for row in history.table(events, EYES, {}, Links()).rows] == [event.event_id for event in events]


def test_a_masked_viewer_reads_what_happened_and_not_who_it_was() -> None:
    masked = Eyes(View(Settings(show_personal="masked")), Principal(name="vera", role=Role.VIEWER, via="link"))
    events = [
        Event(kind="session.started", subject="s" * 36, at=0, node_id="n", data={"user": "ada@example.org"}),
        Event(kind="access.signed_in", subject="ada@example.org", at=0, node_id="n", actor="ada@example.org"),
    ]

    drawn = str(history.table(events, masked, {}, Links())) + str(history.lines(events, Links(), masked))

    assert "Session started" in drawn
    assert "ada@" not in drawn
    assert drawn.count("user-") >= 4  # still told apart
    assert "ada@" in str(history.table(events, EYES, {}, Links()))


def test_a_masked_viewer_cannot_find_out_by_searching_the_history() -> None:
    masked = Eyes(View(Settings(show_personal="masked")), Principal(name="vera", role=Role.VIEWER, via="link"))
    for text, actor in (("ada", ""), ("", "ada@example.org")):
        with pytest.raises(NotAllowed, match="choose a kind"):
            masked.check_event_search(text, actor)
        EYES.check_event_search(text, actor)
    masked.check_event_search("", "")


def test_an_export_holds_no_whole_session_id() -> None:
    event = Event(kind="session.ended", subject="0123456789abcdef" * 2, at=0, node_id="n")
    assert history.whole_subject(event) == "0123456789abc"


@pytest.mark.parametrize(
    ("kind", "subject", "leads_to"),
    [
        ("run.failed", "018cc251-f400-7000-9000-000000000015", "./task?id=018cc251-f400-7000-9000-000000000015"),
        ("session.started", "cd613e30-17d8", "./sessions?who=all&open=cd613e30-17d8"),
        ("session.started", session_id(1), f"./sessions?who=all&open={session_id(1)[:13]}"),
        ("session.message_requested", "5 targets", ""),
        ("session.callback_slow", "push_presence", ""),
        ("pool.resize_requested", "default", ""),
    ],
)
def test_what_an_event_is_about_is_one_click_away(kind: str, subject: str, leads_to: str) -> None:
    event = Event(kind=kind, subject=subject, at=0, node_id="n")

    assert history.place(event, Links()) == leads_to
    ((_, _, _, about, *_),) = history.table([event], EYES, {}, Links()).rows
    assert isinstance(about, list) is bool(leads_to)
