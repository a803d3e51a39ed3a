"""Tables that are made once for all viewers: what one viewer may see or do never reaches another through them."""

import json
from collections.abc import Sequence
from dataclasses import replace

from octostar_runtime.access.visible import View
from octostar_runtime.models.access import Principal, Role
from octostar_runtime.settings import Settings
from octostar_runtime.ui.components import tableview
from octostar_runtime.ui.links import Links
from octostar_runtime.ui.queries import history, sessions, tasks
from octostar_runtime.ui.queries.people import Eyes
from octostar_runtime.ui.tables import Table
from tests.support.fleet_samples import sample_events, sample_snapshot

LINKS = Links()
ADMIN = Principal(name="olga", role=Role.ADMIN, via="link")
VIEWER = Principal(name="vera", role=Role.VIEWER, via="link")


def eyes(by: Principal, personal: str = "masked") -> Eyes:
    return Eyes(View(Settings(show_personal=personal)), by)


def people_in(table: Table) -> str:
    return json.dumps([list(row) for row in table.rows])


def test_a_page_of_tasks_is_made_once_for_those_who_see_the_same_and_masked_for_others() -> None:
    snapshot = sample_snapshot()
    user = next(run.user for run in snapshot.runs if run.user)
    listed = tasks.Listed(runs=snapshot.runs[:50], total=50)

    def shown(by: Principal, personal: str = "masked", alive: Sequence[str] = ()) -> Table:
        return tasks.shown(listed, LINKS, eyes(by, personal), frozenset(alive))

    assert shown(ADMIN) is shown(ADMIN)
    assert user in people_in(shown(ADMIN))
    for personal in ("masked", "hidden"):
        assert user not in people_in(shown(VIEWER, personal))
    assert shown(VIEWER, "full") is shown(ADMIN)
    assert shown(ADMIN, alive=["node-1"]) is not shown(ADMIN)


def test_sessions_by_row_and_by_user_keep_people_from_those_who_may_not_see_them() -> None:
    snapshot = sample_snapshot()
    user = next(one.user for one in snapshot.sessions if one.user)
    page = slice(0, 50)

    for by, seen in ((ADMIN, True), (VIEWER, False), (ADMIN, True)):
        mine = eyes(by)
        found = sessions.listed(snapshot, mine, "all")
        assert (user in people_in(sessions.shown(snapshot, found, page, LINKS, mine, {}))) is seen
        assert (user in people_in(sessions.users_shown(snapshot, LINKS, mine))) is seen


def test_the_history_masks_for_one_and_not_for_another() -> None:
    events = [replace(event, actor="ada@example.org") for event in sample_events()]

    for by, seen in ((ADMIN, True), (VIEWER, False), (ADMIN, True)):
        table = history.shown(events, 50, eyes(by), {}, LINKS)
        assert ("ada@example.org" in people_in(table)) is seen
        assert history.shown(events, 50, eyes(by), {}, LINKS) is table


def test_a_table_travels_locked_for_whom_it_is_locked_only() -> None:
    listed = tasks.Listed(runs=sample_snapshot().runs[:5], total=5)
    view = tasks.shown(listed, LINKS, eyes(ADMIN), frozenset())

    for why in ("", "only operators may", ""):
        assert json.loads(tableview._sent(view, why, {}, ""))["locked"] == why
    assert tableview._sent(view, "", {}, "") is tableview._sent(view, "", {}, "")


def test_the_ways_a_table_is_shown_in_are_bounded() -> None:
    view = tasks.shown(tasks.Listed(runs=sample_snapshot().runs[:5], total=5), LINKS, eyes(ADMIN), frozenset())

    for number in range(100):
        tableview._sent(view, "", {}, f"foot {number}")

    assert len(view.sent) <= 8
