"""Who somebody is and what they may do."""

from dataclasses import dataclass
from enum import IntEnum


class Role(IntEnum):
    """Roles, each including the ones below it. NOBODY may only see health and sign in."""

    NOBODY = 0
    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @classmethod
    def named(cls, name: str) -> "Role":
        """Return the role of that (case-insensitive) name; ValueError lists the names there are."""
        try:
            return cls[name.strip().upper()]
        except KeyError:
            raise ValueError(f"unknown role {name!r}; use viewer, operator or admin") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody, signed in or not. ``via`` tells how: link, password, oidc, proxy, token, local."""

    name: str
    role: Role
    via: str
    credential_id: str | None = None
    scopes: frozenset[str] = frozenset()  # tokens only; empty means everything the role allows

    def may(self, role: Role, scope: str = "") -> bool:
        """Whether this principal has at least ``role`` and, where its token is limited, holds ``scope``."""
        return self.role >= role and (not self.scopes or not scope or scope in self.scopes)


ANONYMOUS = Principal(name="anonymous", role=Role.NOBODY, via="none")
SYSTEM = Principal(name="system", role=Role.ADMIN, via="local")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A stored credential: only the SHA-256 of the secret is kept. Times are UTC seconds."""

    credential_id: str
    kind: str  # "link" (one use) | "cookie" | "token"
    digest: str
    subject: str
    role: Role
    created_at: float
    expires_at: float
    scopes: frozenset[str] = frozenset()
    label: str = ""
    via: str = ""
    last_used_at: float | None = None
    revoked_at: float | None = None
