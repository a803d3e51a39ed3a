"""A proxy's word counts only when it is the proxy's, and roles follow whole names."""

import pytest

from octostar_runtime.errors import SettingsError
from octostar_runtime.models.access import ANONYMOUS, Role
from tests.unit.access.conftest import MakeAccess

ROLES = {"ada": "admin", "group:ops": "operator", "claim:department=it": "viewer", "user:bob@example.org": "operator"}
FORWARDED = {"x-forwarded-user": "ada", "x-forwarded-groups": "staff, ops"}


def test_the_trusted_proxy_names_the_user_and_the_groups(make_access: MakeAccess) -> None:
    access = make_access(trusted_proxy="10.0.0.5", roles=ROLES)
    assert access.principal(FORWARDED, "10.0.0.5").role is Role.ADMIN
    other = access.principal({**FORWARDED, "x-forwarded-user": "zoe"}, "10.0.0.5")
    assert (other.name, other.role, other.via) == ("zoe", Role.OPERATOR, "proxy")


@pytest.mark.parametrize("peer", ["10.0.0.6", "127.0.0.1", "::1", "", "testclient"])
def test_the_same_headers_from_anyone_else_are_worth_nothing(make_access: MakeAccess, peer: str) -> None:
    assert make_access(trusted_proxy="10.0.0.5", roles=ROLES).principal(FORWARDED, peer) is ANONYMOUS


def test_a_process_of_this_machine_cannot_pass_for_the_proxy(make_access: MakeAccess) -> None:
    """Streamlit's server takes the peer's address from X-Forwarded-For when the peer is this machine."""
    access = make_access(trusted_proxy="10.0.0.5", roles=ROLES)
    assert access.principal({**FORWARDED, "x-forwarded-for": "10.0.0.5"}, "10.0.0.5") is ANONYMOUS
    assert access.principal({**FORWARDED, "x-forwarded-for": "1.2.3.4, 10.0.0.5"}, "10.0.0.5") is ANONYMOUS
    assert access.principal({**FORWARDED, "x-forwarded-for": "203.0.113.9"}, "10.0.0.5").role is Role.ADMIN


def test_with_no_proxy_configured_no_header_counts(make_access: MakeAccess) -> None:
    assert make_access(roles=ROLES).principal(FORWARDED, "127.0.0.1") is ANONYMOUS


def test_behind_our_nginx_the_proxy_is_whom_nginx_saw_and_nginx_must_prove_itself(make_access: MakeAccess) -> None:
    access = make_access(trusted_proxy="10.0.0.0/24", roles=ROLES, mode="full", edge_secret="s3cret")
    through = {**FORWARDED, "x-real-ip": "10.0.0.5", "x-octostar-edge": "s3cret"}
    assert access.principal(through, "127.0.0.1").role is Role.ADMIN
    assert access.principal({**through, "x-octostar-edge": "wrong"}, "127.0.0.1") is ANONYMOUS
    assert access.principal({**through, "x-real-ip": "192.168.1.1"}, "127.0.0.1") is ANONYMOUS
    # Streamlit's server replaces the peer by whom nginx names; the secret still tells that nginx was there
    assert access.principal(through, "10.0.0.5").role is Role.ADMIN
    assert access.principal({**through, "x-octostar-edge": "wrong"}, "10.0.0.5") is ANONYMOUS
    assert access.principal({**through, "x-real-ip": ""}, "10.0.0.5").role is Role.ADMIN
    assert access.principal({**through, "x-real-ip": "192.168.1.1"}, "10.0.0.5") is ANONYMOUS
    unset = make_access(trusted_proxy="10.0.0.0/24", roles=ROLES, mode="full")
    assert unset.principal({**through, "x-octostar-edge": ""}, "127.0.0.1") is ANONYMOUS


def test_a_wrong_proxy_setting_or_role_is_refused_at_start(make_access: MakeAccess) -> None:
    with pytest.raises(SettingsError, match="OCTOSTAR_TRUSTED_PROXY"):
        make_access(trusted_proxy="proxy.example.org")
    with pytest.raises(SettingsError, match="OCTOSTAR_ROLES"):
        make_access(roles={"ada": "root"})


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({"sub": "1", "email": "bob@example.org", "email_verified": True}, Role.OPERATOR),
        ({"sub": "1", "email": "bob@example.org", "email_verified": False}, Role.NOBODY),
        ({"sub": "1", "email": "bob@example.org.evil.com"}, Role.NOBODY),
        ({"sub": "1", "name": "ada", "preferred_username": "ada"}, Role.NOBODY),
        ({"sub": "ada"}, Role.ADMIN),
        ({"sub": "1", "groups": ["ops"]}, Role.OPERATOR),
        ({"sub": "1", "groups": ["dev-ops", "ops-x"]}, Role.NOBODY),
        ({"sub": "1", "department": "it"}, Role.VIEWER),
        ({}, Role.NOBODY),
    ],
)
def test_claims_earn_roles_by_whole_trustworthy_values(
    make_access: MakeAccess, claims: dict[str, object], role: Role
) -> None:
    assert make_access(roles=ROLES).principal_from_claims(claims).role is role


def test_whoever_no_rule_names_gets_the_default_role(make_access: MakeAccess) -> None:
    assert make_access(default_role="viewer").principal_from_claims({"sub": "zoe"}).role is Role.VIEWER
