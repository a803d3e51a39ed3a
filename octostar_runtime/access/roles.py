"""Which role somebody gets, from the names, groups and claims that a trusted source tells of them.

Keys of ``OCTOSTAR_ROLES`` match whole values, never parts: ``ada`` (a user or a group), ``user:ada``,
``group:ops``, ``claim:department=it``. Of several that match the highest role counts.
"""

from collections.abc import Iterable, Mapping

from octostar_runtime.errors import SettingsError
from octostar_runtime.models.access import Role

#: Claims that list groups, in the wild.
GROUP_CLAIMS = ("groups", "roles")


class RoleMap:
    """The mapping in ``OCTOSTAR_ROLES``, checked once."""

    def __init__(self, roles: Mapping[str, str], default: str) -> None:
        try:
            self._roles = {key.strip(): Role.named(name) for key, name in roles.items()}
        except ValueError as error:
            raise SettingsError(f"OCTOSTAR_ROLES: {error}") from None
        self._default = Role[default.upper()]

    def of(self, users: Iterable[str], groups: Iterable[str] = (), claims: Mapping[str, object] | None = None) -> Role:
        """Return the highest role that any of the names earns, the default role when none does."""
        keys = {key for user in users for key in (user, f"user:{user}")}
        keys |= {key for group in groups for key in (group, f"group:{group}")}
        keys |= {f"claim:{name}={value}" for name, value in _flat(claims or {})}
        earned = [self._roles[key] for key in keys if key in self._roles]
        return max(earned) if earned else self._default

    def of_claims(self, claims: Mapping[str, object]) -> Role:
        """Return the role for an OpenID Connect identity.

        Users match on ``sub`` and on a verified ``email``; never on ``name`` or ``preferred_username``, which
        people choose for themselves at many providers.
        """
        users = [user for user in (str(claims.get("sub") or ""), _verified_email(claims)) if user]
        groups = [value for name, value in _flat(claims) if name in GROUP_CLAIMS]
        return self.of(users, groups, claims)

    def name_of(self, claims: Mapping[str, object]) -> str:
        """Return the name under which an OpenID Connect identity acts; empty when it has none that can be relied on."""
        return _verified_email(claims) or str(claims.get("sub") or "")


def _verified_email(claims: Mapping[str, object]) -> str:
    """Return the e-mail address, unless the provider says that it has not verified it."""
    return str(claims.get("email") or "") if claims.get("email_verified", True) in (True, "true") else ""


def _flat(claims: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    for name, value in claims.items():
        if isinstance(value, list | tuple):
            yield from ((name, str(item)) for item in value if isinstance(item, str | int))
        elif isinstance(value, str | int):
            yield name, str(value)
