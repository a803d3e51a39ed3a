"""Tokens carry a role and scopes, never more than their maker has."""

from pathlib import Path

import pytest

from octostar_runtime.errors import InvalidInput, NotAllowed, NotSignedIn, TokenNotFound
from octostar_runtime.models.access import ANONYMOUS, Role
from octostar_runtime.models.events import Event
from octostar_runtime.testing import ManualClock
from tests.support.credentials import DictCredentials
from tests.unit.access.conftest import ADMIN, OPERATOR, VIEWER, MakeAccess


def test_a_token_stands_for_its_maker_with_its_scopes(make_access: MakeAccess) -> None:
    access = make_access()
    issued = access.make_token(label="ci", by=OPERATOR, scopes=["read", "runs:write"])
    principal = access.principal({"authorization": f"Bearer {issued.secret}"}, "10.0.0.1")
    assert (principal.name, principal.role, principal.via) == ("olga", Role.OPERATOR, "token")
    assert principal.may(Role.OPERATOR, "runs:write")
    assert not principal.may(Role.OPERATOR, "pools:write")


def test_a_dead_token_is_told_so_and_never_taken_for_nobody(make_access: MakeAccess, clock: ManualClock) -> None:
    access = make_access()
    issued = access.make_token(label="ci", by=OPERATOR, ttl_s=60)
    clock.advance(61)
    for secret in (issued.secret, "octt_unknown", "garbage", ""):
        with pytest.raises(NotSignedIn):
            access.principal({"authorization": f"Bearer {secret}"}, "10.0.0.1")


def test_a_revoked_token_is_worthless_at_once(make_access: MakeAccess) -> None:
    access = make_access()
    issued = access.make_token(label="ci", by=OPERATOR)
    access.principal_for_token(issued.secret)
    access.revoke_token(issued.credential.credential_id, by=ADMIN)
    with pytest.raises(NotSignedIn):
        access.principal_for_token(issued.secret)


def test_nobody_hands_out_more_than_they_have(make_access: MakeAccess) -> None:
    access = make_access()
    with pytest.raises(NotAllowed):
        access.make_token(label="ci", by=VIEWER, role=Role.ADMIN)
    with pytest.raises(NotSignedIn):
        access.make_token(label="ci", by=ANONYMOUS)
    limited = access.principal_for_token(
        access.make_token(label="maker", by=ADMIN, scopes=["tokens:write", "read"]).secret
    )
    for scopes in ([], ["people:write"], ["read", "people:write"]):
        with pytest.raises(NotAllowed):
            access.make_token(label="more", by=limited, scopes=scopes)
    assert access.make_token(label="less", by=limited, scopes=["read"]).credential.scopes == {"read"}
    reader = access.principal_for_token(access.make_token(label="reader", by=ADMIN, scopes=["read"]).secret)
    with pytest.raises(NotAllowed):
        access.make_token(label="more", by=reader, scopes=["read"])


def test_people_see_and_revoke_only_their_own_tokens(make_access: MakeAccess) -> None:
    access = make_access()
    hers = access.make_token(label="olga's", by=OPERATOR).credential
    access.make_token(label="vic's", by=VIEWER)
    assert [token.label for token in access.tokens(by=VIEWER)] == ["vic's"]
    assert {token.label for token in access.tokens(by=ADMIN)} == {"olga's", "vic's"}
    with pytest.raises(TokenNotFound):
        access.revoke_token(hers.credential_id, by=VIEWER)


@pytest.mark.parametrize(
    "wrong", [{"label": " "}, {"label": "x" * 101}, {"scopes": ["root"]}, {"ttl_s": 1.0}, {"ttl_s": 1e12}]
)
def test_a_wrong_wish_is_refused_with_what_is_wrong(make_access: MakeAccess, wrong: dict[str, object]) -> None:
    wish: dict[str, object] = {"label": "ci", **wrong}
    with pytest.raises(InvalidInput):
        make_access().make_token(by=ADMIN, **wish)  # type: ignore[arg-type]


def test_making_and_revoking_leave_audit_events_without_the_secret(
    make_access: MakeAccess, events: list[Event]
) -> None:
    access = make_access()
    issued = access.make_token(label="ci", by=ADMIN)
    access.revoke_token(issued.credential.credential_id, by=ADMIN, reason="leaked")
    assert [(event.kind, event.actor) for event in events] == [
        ("access.token_made", "ada"),
        ("access.token_revoked", "ada"),
    ]
    assert events[1].reason == "leaked"
    assert issued.secret not in repr(events)


def test_the_local_token_file_is_private_kept_and_renewed(
    make_access: MakeAccess, clock: ManualClock, tmp_path: Path
) -> None:
    access = make_access()
    path = access.local_token_file()
    assert path.stat().st_mode & 0o777 == 0o600
    first = path.read_text()
    assert access.principal_for_token(first.strip()).role is Role.ADMIN
    assert make_access().local_token_file().read_text() == first
    clock.advance(366 * 86_400)
    assert make_access().local_token_file().read_text() != first
    assert [p.name for p in tmp_path.iterdir()] == ["api-token"]


def test_the_last_use_is_noted_in_the_background_at_most_once_a_minute(
    make_access: MakeAccess, clock: ManualClock, credentials: DictCredentials
) -> None:
    access = make_access()
    issued = access.make_token(label="ci", by=ADMIN)

    def last_used() -> float | None:
        return access.tokens(by=ADMIN)[0].last_used_at

    access.principal_for_token(issued.secret)
    first = clock.time()
    assert last_used() is None, "a request writes nothing itself"
    access.write_uses()
    assert last_used() == first
    clock.advance(59)
    access.principal_for_token(issued.secret)
    access.write_uses()
    assert last_used() == first
    clock.advance(1)
    access.write_uses()
    assert last_used() == first + 59


def test_a_use_that_the_store_could_not_be_told_is_told_later(
    make_access: MakeAccess, credentials: DictCredentials
) -> None:
    access = make_access()
    issued = access.make_token(label="ci", by=ADMIN)
    access.principal_for_token(issued.secret)
    credentials.away = True
    access.write_uses()
    credentials.away = False
    access.write_uses()
    assert access.tokens(by=ADMIN)[0].last_used_at is not None
