"""Links and the password become cookies; cookies can be taken back."""

import pytest
from argon2 import PasswordHasher

from octostar_runtime.access import hash_password
from octostar_runtime.access.attempts import OVERALL, PER_PEER, AttemptLimit
from octostar_runtime.errors import InvalidInput, NotAllowed, NotSignedIn, SettingsError, TokenNotFound, TooManyAttempts
from octostar_runtime.models.access import ANONYMOUS, Role
from octostar_runtime.models.events import Event
from octostar_runtime.testing import ManualClock
from tests.support.credentials import DictCredentials
from tests.unit.access.conftest import ADMIN, OPERATOR, VIEWER, MakeAccess

CHEAP_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("correct horse")


def test_a_link_signs_in_once_and_never_again(make_access: MakeAccess) -> None:
    access = make_access()
    link = access.first_link()
    signed_in = access.sign_in_with_link(link, "10.0.0.1")
    assert signed_in.principal.role is Role.ADMIN
    with pytest.raises(NotSignedIn, match="used"):
        access.sign_in_with_link(link, "10.0.0.1")


def test_the_cookie_stands_for_who_signed_in_until_it_expires(make_access: MakeAccess, clock: ManualClock) -> None:
    access = make_access(signin_hours=1)
    cookie = access.sign_in_with_link(access.first_link(), "10.0.0.1").cookie
    assert access.principal_for_cookie(cookie).name == "admin"
    clock.advance(3599)
    assert access.principal_for_cookie(cookie).role is Role.ADMIN
    clock.advance(2)
    assert access.principal_for_cookie(cookie) is ANONYMOUS


def test_an_expired_link_is_refused(make_access: MakeAccess, clock: ManualClock) -> None:
    access = make_access()
    link = access.make_link(name="vic", role=Role.VIEWER, by=ADMIN, ttl_s=60)
    clock.advance(61)
    with pytest.raises(NotSignedIn):
        access.sign_in_with_link(link, "10.0.0.1")


def test_secrets_are_stored_only_as_digests(make_access: MakeAccess, credentials: DictCredentials) -> None:
    access = make_access()
    link = access.first_link()
    cookie = access.sign_in_with_link(link, "10.0.0.1").cookie
    token = access.make_token(label="ci", by=ADMIN).secret
    stored = repr(credentials.kept)
    assert all(secret not in stored for secret in (link, cookie, token))


def test_a_cookie_cannot_be_used_as_a_link_or_a_token(make_access: MakeAccess) -> None:
    access = make_access()
    cookie = access.sign_in_with_link(access.first_link(), "10.0.0.1").cookie
    with pytest.raises(NotSignedIn):
        access.principal_for_token(cookie)
    with pytest.raises(NotSignedIn):
        access.sign_in_with_link(cookie, "10.0.0.1")


def test_the_right_password_signs_in_and_a_wrong_one_does_not(make_access: MakeAccess) -> None:
    access = make_access(password_hash=CHEAP_HASH)
    assert access.sign_in_with_password("correct horse", "10.0.0.1").principal.via == "password"
    with pytest.raises(NotSignedIn, match="wrong password"):
        access.sign_in_with_password("incorrect horse", "10.0.0.1")


def test_without_a_password_set_no_password_signs_in(make_access: MakeAccess) -> None:
    with pytest.raises(NotSignedIn, match="no password is set"):
        make_access().sign_in_with_password("", "10.0.0.1")


def test_guessing_is_stopped_per_address_and_forgiven_after_a_while(
    make_access: MakeAccess, clock: ManualClock
) -> None:
    access = make_access(password_hash=CHEAP_HASH)
    for _ in range(10):
        with pytest.raises(NotSignedIn):
            access.sign_in_with_password("guess", "10.0.0.66")
    with pytest.raises(TooManyAttempts) as refused:
        access.sign_in_with_password("correct horse", "10.0.0.66")
    assert 0 < refused.value.retry_after_s <= 300
    assert access.sign_in_with_password("correct horse", "10.0.0.1").principal.role is Role.ADMIN
    clock.advance(301)
    assert access.sign_in_with_password("correct horse", "10.0.0.66").principal.role is Role.ADMIN


def test_one_ipv6_network_counts_as_one_guesser(make_access: MakeAccess) -> None:
    access = make_access()
    for host in range(10):
        with pytest.raises(NotSignedIn):
            access.sign_in_with_link("octl_guess", f"2001:db8::{host:x}")
    with pytest.raises(TooManyAttempts):
        access.sign_in_with_link("octl_guess", "2001:db8::ffff")
    with pytest.raises(NotSignedIn):
        access.sign_in_with_link("octl_guess", "2001:db8:0:1::1")


def test_many_addresses_together_are_limited_too_and_leave_links_alone(make_access: MakeAccess) -> None:
    access = make_access(password_hash=CHEAP_HASH)
    for host in range(100):
        with pytest.raises(NotSignedIn):
            access.sign_in_with_password("guess", f"10.1.0.{host}")
    with pytest.raises(TooManyAttempts):
        access.sign_in_with_password("correct horse", "10.2.0.1")
    assert access.sign_in_with_link(access.first_link(), "10.2.0.1").principal.role is Role.ADMIN


def test_signing_out_ends_the_cookie_at_once(make_access: MakeAccess) -> None:
    access = make_access()
    signed_in = access.sign_in_with_link(access.first_link(), "10.0.0.1")
    assert access.principal_for_cookie(signed_in.cookie).role is Role.ADMIN
    access.sign_out(signed_in.principal)
    assert access.principal_for_cookie(signed_in.cookie) is ANONYMOUS


def test_an_admin_ends_the_sign_in_of_somebody_else_and_a_viewer_cannot(make_access: MakeAccess) -> None:
    access = make_access()
    victim = access.sign_in_with_link(access.make_link(name="olga", role=Role.OPERATOR, by=ADMIN), "10.0.0.1")
    credential_id = victim.principal.credential_id or ""
    with pytest.raises(TokenNotFound):
        access.end_sign_in(credential_id, by=VIEWER)
    access.end_sign_in(credential_id, by=ADMIN)
    assert access.principal_for_cookie(victim.cookie) is ANONYMOUS


def test_only_an_admin_makes_links_for_others(make_access: MakeAccess) -> None:
    with pytest.raises(NotAllowed):
        make_access().make_link(name="olga", role=Role.ADMIN, by=OPERATOR)


def claims_of(name: str, clock: ManualClock, **more: object) -> dict[str, object]:
    return {"iss": "https://id", "sub": f"sub-{name}", "email": f"{name}@example.org", "iat": clock.time(), **more}


def test_an_identity_the_provider_vouched_for_becomes_a_cookie_once(
    make_access: MakeAccess, clock: ManualClock
) -> None:
    access = make_access(roles={"group:ops": "operator"})
    claims = claims_of("ada", clock, groups=["ops"], nonce="n-1")

    signed_in = access.sign_in_with_link(access.link_from_claims(claims), "10.0.0.1")

    assert (signed_in.principal.name, signed_in.principal.role) == ("ada@example.org", Role.OPERATOR)
    assert signed_in.principal.via == "oidc"
    with pytest.raises(NotSignedIn, match="has been used"):
        access.link_from_claims(claims)
    assert access.link_from_claims({**claims, "nonce": "n-2"})


def test_an_old_identity_has_to_be_vouched_for_again(make_access: MakeAccess, clock: ManualClock) -> None:
    access = make_access(default_role="viewer")
    claims = claims_of("ada", clock)
    clock.advance(301)
    for stale in (claims, {**claims, "iat": None}, {**claims, "iat": "now"}, {**claims, "iat": clock.time() + 3600}):
        with pytest.raises(NotSignedIn, match="sign in again"):
            access.link_from_claims(stale)


def test_somebody_without_a_role_gets_no_link(make_access: MakeAccess, clock: ManualClock, events: list[Event]) -> None:
    with pytest.raises(NotAllowed, match="OCTOSTAR_ROLES"):
        make_access().link_from_claims(claims_of("eve", clock))
    assert [(event.kind, event.subject) for event in events] == [("access.sign_in_refused", "eve@example.org")]


def test_an_unverified_address_is_nobodys_name(make_access: MakeAccess, clock: ManualClock) -> None:
    claims = claims_of("ada", clock, email_verified=False)
    assert make_access(default_role="viewer").principal_from_claims(claims).name == "sub-ada"


def test_every_sign_in_and_every_refusal_is_an_event(make_access: MakeAccess, events: list[Event]) -> None:
    access = make_access()
    signed_in = access.sign_in_with_link(access.first_link(), "10.0.0.1")
    with pytest.raises(NotSignedIn):
        access.sign_in_with_link("octl_guess", "10.0.0.9")
    access.sign_out(signed_in.principal)
    assert [event.kind for event in events] == ["access.signed_in", "access.sign_in_refused", "access.signed_out"]
    assert [event.actor for event in events] == ["admin", None, "admin"]
    assert "octl_" not in repr(events)


def test_a_hash_that_is_none_is_refused_at_start(make_access: MakeAccess) -> None:
    with pytest.raises(SettingsError, match="OCTOSTAR_PASSWORD_HASH"):
        make_access(password_hash="hunter2")


def test_a_short_password_is_not_hashed() -> None:
    with pytest.raises(InvalidInput):
        hash_password("short")
    assert hash_password("long enough").startswith("$argon2id$")


def test_attempts_under_way_count_so_that_a_flood_does_not_slip_through(clock: ManualClock) -> None:
    limit = AttemptLimit(clock)
    for _ in range(PER_PEER):
        limit.begin("10.0.0.9", guessable=True)  # none of them has been answered yet
    with pytest.raises(TooManyAttempts):
        limit.begin("10.0.0.9", guessable=True)


def test_a_guesser_with_many_addresses_keeps_nobody_from_using_their_link(clock: ManualClock) -> None:
    limit = AttemptLimit(clock)
    for number in range(OVERALL):
        limit.begin(f"10.1.{number}.1", guessable=True)
    with pytest.raises(TooManyAttempts):
        limit.begin("10.0.0.9", guessable=True)
    limit.begin("10.0.0.9", guessable=False)


def test_an_outage_of_the_store_is_not_counted_against_anybody(clock: ManualClock) -> None:
    limit = AttemptLimit(clock)
    for _ in range(3 * PER_PEER):
        limit.begin("10.0.0.9", guessable=False)
        limit.forgive("10.0.0.9")
