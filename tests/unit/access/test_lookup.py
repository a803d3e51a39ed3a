"""Looking a cookie up costs no I/O most of the time, notices a revocation in 2 s, and rides out an outage."""

import pytest

from octostar_runtime.errors import StoreUnavailable
from octostar_runtime.models.access import ANONYMOUS, Role
from octostar_runtime.testing import ManualClock
from tests.support.credentials import DictCredentials
from tests.unit.access.conftest import MakeAccess


def _cookie(make_access: MakeAccess) -> str:
    access = make_access()
    return access.sign_in_with_link(access.first_link(), "10.0.0.1").cookie


def test_the_store_is_asked_once_in_two_seconds(
    make_access: MakeAccess, credentials: DictCredentials, clock: ManualClock
) -> None:
    cookie = _cookie(make_access)
    access = make_access()
    credentials.reads = 0
    for _ in range(100):
        access.principal_for_cookie(cookie)
    assert credentials.reads == 1
    clock.advance(2)
    access.principal_for_cookie(cookie)
    assert credentials.reads == 2


def test_a_revocation_by_another_process_is_noticed_within_two_seconds(
    make_access: MakeAccess, credentials: DictCredentials, clock: ManualClock
) -> None:
    cookie = _cookie(make_access)
    here, there = make_access(), make_access()
    principal = here.principal_for_cookie(cookie)
    there.sign_out(principal)
    clock.advance(2)
    assert here.principal_for_cookie(cookie) is ANONYMOUS


def test_while_the_store_is_away_a_known_cookie_counts_for_ten_minutes(
    make_access: MakeAccess, credentials: DictCredentials, clock: ManualClock
) -> None:
    cookie = _cookie(make_access)
    access = make_access()
    access.principal_for_cookie(cookie)
    credentials.away = True
    clock.advance(599)
    assert access.principal_for_cookie(cookie).role is Role.ADMIN
    clock.advance(2)
    with pytest.raises(StoreUnavailable):
        access.principal_for_cookie(cookie)


def test_while_the_store_is_away_an_unknown_cookie_counts_for_nothing(
    make_access: MakeAccess, credentials: DictCredentials
) -> None:
    cookie = _cookie(make_access)
    credentials.away = True
    with pytest.raises(StoreUnavailable):
        make_access().principal_for_cookie(cookie)


@pytest.mark.parametrize("value", ["", "x", "octs_", "octs_" + "a" * 5000, "octs_\udcff", "octl_abc"])
def test_nonsense_is_nobody(make_access: MakeAccess, value: str) -> None:
    assert make_access().principal_for_cookie(value) is ANONYMOUS


def test_guessed_cookies_do_not_fill_the_memory(make_access: MakeAccess) -> None:
    access = make_access()
    for number in range(10_100):
        access.principal_for_cookie(f"octs_{number}")
    assert len(access._lookup._answers) <= 10_000
