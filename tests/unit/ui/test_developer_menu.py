"""The developer's menu of a mounted app: for whom the app names as operator, as their last run found it."""

import pytest

from octostar_runtime.models.access import Role
from octostar_runtime.models.sessions import SessionContext
from octostar_runtime.ui.developer_menu import DeveloperMenu


def session(name: str) -> SessionContext:
    return SessionContext(session_id=name, user=None)


@pytest.mark.parametrize(
    ("role", "may"), [(Role.NOBODY, False), (Role.VIEWER, False), (Role.OPERATOR, True), (Role.ADMIN, True)]
)
def test_only_operators_may(role: Role, may: bool) -> None:
    menu = DeveloperMenu()
    menu.saw(session("a"), role)

    assert menu.allows("clear_cache", session("a")) is may


def test_whoever_has_not_run_the_script_may_not() -> None:
    menu = DeveloperMenu()
    menu.saw(None, Role.ADMIN)

    assert not menu.allows("clear_cache", session("a"))


def test_a_role_that_was_taken_away_counts_from_the_next_run_on() -> None:
    menu = DeveloperMenu()
    menu.saw(session("a"), Role.ADMIN)
    menu.saw(session("a"), Role.VIEWER)

    assert not menu.allows("clear_cache", session("a"))


def test_no_more_sessions_are_remembered_than_allowed() -> None:
    menu = DeveloperMenu(kept=2)
    for name in "abc":
        menu.saw(session(name), Role.ADMIN)

    assert [menu.allows("clear_cache", session(name)) for name in "abc"] == [False, True, True]
