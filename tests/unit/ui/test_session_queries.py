"""Sessions: groups, rows, people and what they cost."""

from dataclasses import replace

from octostar_runtime.access.visible import View
from octostar_runtime.models.access import Principal, Role
from octostar_runtime.models.fleet import FleetSnapshot
from octostar_runtime.models.runs import RunState
from octostar_runtime.models.sessions import EndReason, SessionState
from octostar_runtime.settings import Settings
from octostar_runtime.ui.links import Links
from octostar_runtime.ui.queries import sessions
from octostar_runtime.ui.queries.people import Eyes
from tests.support.fleet_samples import a_run, a_session, sample_snapshot, session_id

EYES = Eyes(View(Settings()), Principal(name="olga", role=Role.OPERATOR, via="link"))


def test_an_operator_who_watches_is_not_counted_among_the_people() -> None:
    snapshot = sample_snapshot()

    counts = sessions.group_counts(snapshot.sessions)

    assert counts["people"] == snapshot.people == 7
    assert counts["observers"] == 1
    assert counts["all"] == len(snapshot.sessions)


def test_every_session_is_in_exactly_one_group_beside_all() -> None:
    sessions_ = sample_snapshot().sessions

    grouped = sessions.grouped(sessions_)

    ids = [one.session_id for group in grouped if group != "all" for one in grouped[group]]
    assert set(grouped) == set(sessions.GROUPS)
    assert sorted(ids) == sorted(one.session_id for one in sessions_)


def test_who_has_the_console_open_is_not_called_somebody_who_did_not_sign_in() -> None:
    there = [replace(a_session(1), user=user, observer=watching) for user, watching in
             ((None, True), (None, False), ("olga@example.org", True))]  # fmt: skip

    view = sessions.table(sample_snapshot(), there, Links(), EYES, {})

    assert [row[1] for row in view.rows] == ["at the console", "not signed in", "olga@example.org"]


def test_counts_of_tasks_say_which_tasks_they_are_about() -> None:
    some = sample_snapshot()
    runs = len(some.runs)

    assert sessions.tasks_looked_at(some) == f"the newest {runs} of {sum(some.counts.values()):,} tasks"
    assert sessions.tasks_looked_at(replace(some, counts={RunState.SUCCESS: runs})) == f"{runs} tasks"


def test_all_viewers_of_one_snapshot_share_one_list_and_no_masked_viewer_shares_theirs() -> None:
    snapshot = sample_snapshot()
    masked = Eyes(View(Settings(show_personal="masked")), Principal(name="vera", role=Role.VIEWER, via="link"))

    once = sessions.listed(snapshot, EYES, "people", sort="who")

    assert sessions.listed(snapshot, EYES, "people", sort="who") is once
    assert sessions.listed(snapshot, masked, "people", sort="who") is not once
    falling = sessions.listed(snapshot, EYES, "people", sort="-who")
    assert [one.user for one in falling] == [one.user for one in reversed(once)]
    assert sessions.listed(replace(snapshot, sessions=()), EYES, "people", sort="who") == []


def test_an_admins_search_finds_for_a_masked_viewer_only_what_that_viewer_sees() -> None:
    snapshot = sample_snapshot()
    masked = Eyes(View(Settings(show_personal="masked")), Principal(name="vera", role=Role.VIEWER, via="link"))
    name = next(one.user for one in snapshot.sessions if one.user)

    assert sessions.listed(snapshot, EYES, "all", text=name)
    assert sessions.listed(snapshot, masked, "all", text=name) == []
    assert sessions.listed(snapshot, masked, "all", user=name) == []


def test_a_list_sorted_by_tasks_follows_the_tasks() -> None:
    snapshot = sample_snapshot()
    first, last = snapshot.sessions[0], snapshot.sessions[-1]

    def started_by(session_id: str) -> FleetSnapshot:
        return replace(snapshot, runs=tuple(replace(run, session_id=session_id) for run in snapshot.runs))

    for session in (first, last):
        (most, *_) = sessions.listed(started_by(session.session_id), EYES, "all", sort="-tasks")
        assert most.session_id == session.session_id


def test_no_whole_session_id_reaches_a_page() -> None:
    snapshot = sample_snapshot()

    drawn = str(sessions.table(snapshot, snapshot.sessions, Links(), EYES, {}))

    assert not [s.session_id for s in snapshot.sessions if s.session_id in drawn]


def test_a_reference_of_the_page_finds_its_session_again() -> None:
    snapshot = sample_snapshot()
    view = sessions.table(snapshot, snapshot.sessions[:1], Links(), EYES, {})

    assert sessions.resolve(snapshot, [str(row[0]) for row in view.rows]) == [snapshot.sessions[0]]


def test_a_session_that_ended_meanwhile_is_not_acted_upon() -> None:
    snapshot = sample_snapshot(sessions=(a_session(1, state=SessionState.ENDED),))

    assert sessions.resolve(snapshot, [session_id(1)[:13]]) == []


def test_an_ambiguous_reference_finds_nothing() -> None:
    snapshot = sample_snapshot(sessions=(a_session(1), a_session(2)))

    assert sessions.resolve(snapshot, [""]) == []


def test_search_looks_at_user_page_address_browser_and_session() -> None:
    snapshot = sample_snapshot(sessions=(a_session(1), a_session(2)))

    for text in ("GRACE@", "patterns_backend", "10.20.0.11", session_id(1)[:8]):
        assert [s.session_id for s in sessions.matching(snapshot, EYES, "people", text)] == [session_id(1)], text


def test_a_masked_viewer_cannot_find_a_person_by_trial() -> None:
    masked = Eyes(View(Settings(show_personal="masked")), Principal(name="vera", role=Role.VIEWER, via="link"))
    snapshot = sample_snapshot(sessions=(a_session(0, user="ada@example.org"),))
    mask = masked.person("ada@example.org") or ""

    for text, user in (("ada", ""), ("10.20.", ""), ("", "ada@example.org")):
        assert sessions.matching(snapshot, masked, "people", text, user) == [], (text, user)
    assert len(sessions.matching(snapshot, masked, "people", mask)) == 1
    assert len(sessions.matching(snapshot, masked, "people", "", mask)) == 1
    table = sessions.users_table(snapshot, (), Links(), masked)
    assert "ada@" not in str(table)
    assert [row[1] for row in table.rows] == [mask]


def test_a_users_row_joins_their_sessions_tasks_and_what_those_cost() -> None:
    snapshot = sample_snapshot(sessions=(a_session(0, user="ada"), a_session(1, user="ada")))
    runs = (
        a_run(1, RunState.SUCCESS, user="ada", cpu_s=30.0, wait_s=1.0),
        a_run(2, RunState.ERROR, user="ada", cpu_s=60.0, wait_s=3.0),
        a_run(3, RunState.RUNNING, user="ada", cpu_s=None, wait_s=5.0),
        a_run(4, RunState.SUCCESS, user="bob", cpu_s=1.0, wait_s=0.0),
    )

    ada, bob = sessions.users_table(snapshot, runs, Links(), EYES).rows

    assert ada == ["ada", "ada", "2", "3", "1", "1", "1 min 30 s", "3.0 s"]
    assert bob[1] == "bob"


def test_failing_callbacks_come_first() -> None:
    assert sessions.callbacks_table(sample_snapshot().callbacks).rows[0][1] == "push_presence"


def test_sessions_are_sorted_over_all_pages_and_by_what_is_seen() -> None:
    snapshot = sample_snapshot(
        sessions=(
            a_session(0, user="ben", connected_at=100.0, last_run_s=2.0),
            a_session(1, user=None, connected_at=300.0, last_run_s=None),
            a_session(2, user="ada", connected_at=200.0, last_run_s=9.0),
        )
    )

    def order(sort: str) -> list[str | None]:
        return [one.user for one in sessions.ordered(snapshot.sessions, snapshot, EYES, sort)]

    assert order("-connected") == [None, "ada", "ben"]
    assert order("who") == [None, "ada", "ben"]
    assert order("-took") == ["ada", "ben", None]
    for sort in sessions.SORTS:
        assert len(order(sort)) == 3


def test_the_cost_of_a_sessions_tasks_adds_up() -> None:
    cost = sessions.cost_of(
        [
            a_run(1, RunState.SUCCESS, cpu_s=30.0, wait_s=1.0),
            a_run(2, RunState.ERROR, cpu_s=60.0, wait_s=3.0),
            a_run(3, RunState.RUNNING, cpu_s=None, wait_s=5.0),
        ]
    )
    assert (cost.tasks, cost.live, cost.failed, cost.cpu_s, cost.wait_s) == (3, 1, 1, 90.0, 3.0)
    assert sessions.cost_of([]).wait_s is None


def test_an_address_opens_a_session_also_one_that_has_ended_and_says_why_it_did() -> None:
    ended = a_session(1, state=SessionState.ENDED, ended_at=1.0, end_reason=EndReason.KICKED)
    snapshot = sample_snapshot(sessions=(ended, a_session(2)))

    assert sessions.one(snapshot, session_id(1)[:13]) == ended
    assert sessions.one(snapshot, "") is None
    view = sessions.table(snapshot, [ended], Links(), EYES, {})
    ((_, _, _, why, *_, offered),) = view.rows
    (heartbeat,) = (column for column in view.columns if column.label == "Heartbeat")
    assert heartbeat.words[str(why)].label == "Ended by an operator"
    assert offered == ["more"]
