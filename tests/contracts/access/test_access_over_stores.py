"""What sign-in promises holds over every store, and between processes that share one."""

import contextlib
import threading

import pytest

from octostar_runtime.errors import NotSignedIn
from octostar_runtime.models.access import ANONYMOUS, Principal, Role
from octostar_runtime.testing import ManualClock
from tests.contracts.access.conftest import OpenAccess

ADMIN = Principal(name="ada", role=Role.ADMIN, via="password")


def test_a_link_made_by_one_process_signs_in_at_another_once(open_access: OpenAccess) -> None:
    here, there = open_access("here"), open_access("there")
    link = here.first_link()
    cookie = there.sign_in_with_link(link, "10.0.0.1").cookie
    assert here.principal_for_cookie(cookie).role is Role.ADMIN
    with pytest.raises(NotSignedIn):
        here.sign_in_with_link(link, "10.0.0.1")


def test_of_many_who_follow_a_link_at_once_one_gets_in(open_access: OpenAccess) -> None:
    here, there = open_access("here"), open_access("there")
    link = here.first_link()
    got: list[str] = []

    def follow(number: int) -> None:
        with contextlib.suppress(NotSignedIn):
            got.append((here, there)[number % 2].sign_in_with_link(link, f"10.0.0.{number}").cookie)

    threads = [threading.Thread(target=follow, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1


def test_a_sign_out_is_noticed_everywhere_within_two_seconds(open_access: OpenAccess, clock: ManualClock) -> None:
    here, there = open_access("here"), open_access("there")
    cookie = here.sign_in_with_link(here.first_link(), "10.0.0.1").cookie
    principal = there.principal_for_cookie(cookie)
    here.sign_out(principal)
    clock.advance(2)
    assert there.principal_for_cookie(cookie) is ANONYMOUS


def test_a_token_keeps_its_role_and_scopes(open_access: OpenAccess, clock: ManualClock) -> None:
    here, there = open_access("here"), open_access("there")
    issued = here.make_token(label="ci", by=ADMIN, role=Role.OPERATOR, scopes=["read", "runs:write"])
    principal = there.principal_for_token(issued.secret)
    assert principal.role is Role.OPERATOR
    assert principal.scopes == {"read", "runs:write"}
    assert [token.label for token in there.tokens(by=ADMIN)] == ["ci"]
    there.revoke_token(issued.credential.credential_id, by=ADMIN)
    clock.advance(2)
    with pytest.raises(NotSignedIn):
        here.principal_for_token(issued.secret)
