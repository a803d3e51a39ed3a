"""Bearer tokens for programs: made and revoked by people, shown once, stored as a digest."""

from collections.abc import Collection
from dataclasses import dataclass

from octostar_runtime.access.audit import AccessAudit
from octostar_runtime.access.lookup import in_force
from octostar_runtime.access.secret import digest, new_secret
from octostar_runtime.clock import Clock
from octostar_runtime.errors import (
    InvalidInput,
    InvalidTransition,
    LimitReached,
    NotAllowed,
    NotSignedIn,
    TokenNotFound,
)
from octostar_runtime.ids import new_id
from octostar_runtime.models.access import Credential, Principal, Role
from octostar_runtime.ports import Credentials

#: What a token may be limited to. A token without scopes may do whatever its role allows.
SCOPES = {
    "read": "see nodes, sessions, runs, pools, services, the policy and history",
    "metrics": "scrape /api/metrics",
    "functions:call": "call API functions and see their runs",
    "runs:write": "cancel, retry and stop runs",
    "sessions:write": "end, stop, rerun and message sessions",
    "pools:write": "resize, pause, resume and drain pools",
    "services:write": "stop, start and hold services",
    "policy:write": "change the idle policy",
    "nodes:write": "drain nodes",
    "people:write": "erase a person's data",
    "tokens:write": "make and revoke tokens",
}
SCOPE = "tokens:write"
MAX_TTL_S = 366 * 86_400.0
LIMIT = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A fresh token: the secret is told this once."""

    secret: str
    credential: Credential


class Tokens:
    """Make, list and revoke tokens. Nobody hands out more than they have themselves."""

    def __init__(self, *, credentials: Credentials, clock: Clock, audit: AccessAudit) -> None:
        self._credentials = credentials
        self._clock = clock
        self._audit = audit

    def make(self, *, label: str, role: Role, scopes: Collection[str], ttl_s: float, by: Principal) -> IssuedToken:
        """Make a token for ``by``. InvalidInput names what is wrong, NotAllowed when it would exceed ``by``."""
        _require(by, Role.VIEWER)
        _check(label, scopes, ttl_s)
        wanted = frozenset(scopes)
        if role > by.role:
            raise NotAllowed(f"{by.name} is {by.role.name.lower()} and cannot make a token for {role.name.lower()}")
        if by.scopes and not (wanted and wanted <= by.scopes):
            raise NotAllowed(
                f"a limited token can only make tokens with its own scopes: {', '.join(sorted(by.scopes))}"
            )
        if len(self.of(by)) >= LIMIT:
            raise LimitReached(f"there are {LIMIT} tokens already; revoke some first")
        secret = new_secret("token")
        now = self._clock.time()
        credential = Credential(
            credential_id=new_id(),
            kind="token",
            digest=digest(secret),
            subject=by.name,
            role=role,
            created_at=now,
            expires_at=now + ttl_s,
            scopes=wanted,
            label=label,
            via=by.via,
        )
        self._credentials.put(credential)
        self._audit.record(
            "access.token_made",
            credential.credential_id,
            by,
            {"label": label, "role": role.name.lower(), "scopes": sorted(wanted), "expires_at": credential.expires_at},
        )
        return IssuedToken(secret=secret, credential=credential)

    def of(self, by: Principal) -> tuple[Credential, ...]:
        """Return the tokens in force that ``by`` may see, newest first: an admin all, others their own."""
        _require(by, Role.VIEWER, "read" if not by.may(Role.VIEWER, SCOPE) else SCOPE)
        now = self._clock.time()
        tokens = [token for token in self._credentials.all("token") if in_force(token, now)]
        mine = [token for token in tokens if by.role is Role.ADMIN or token.subject == by.name]
        return tuple(sorted(mine, key=lambda token: token.created_at, reverse=True))

    def revoke(self, credential_id: str, *, by: Principal, reason: str = "") -> None:
        """Make a token worthless. TokenNotFound when ``by`` has no such token in force."""
        _require(by, Role.VIEWER)
        if credential_id == by.credential_id:
            raise InvalidTransition("a token cannot revoke itself; use another one, or the console")
        if all(token.credential_id != credential_id for token in self.of(by)):
            raise TokenNotFound("no token in force has that id")
        self._credentials.revoke(credential_id, at=self._clock.time())
        self._audit.record("access.token_revoked", credential_id, by, {}, reason)


def _require(by: Principal, role: Role, scope: str = SCOPE) -> None:
    if by.may(role, scope):
        return
    if by.role is Role.NOBODY:
        raise NotSignedIn("sign in to manage tokens")
    raise NotAllowed(f"this token lacks the scope {scope!r}")


def _check(label: str, scopes: Collection[str], ttl_s: float) -> None:
    if not label.strip() or len(label) > 100:
        raise InvalidInput("give the token a label of 1 to 100 characters that says what it is for")
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown:
        raise InvalidInput(f"unknown scope {unknown[0]!r}; there are: {', '.join(SCOPES)}")
    if not 60 <= ttl_s <= MAX_TTL_S:
        raise InvalidInput(f"a token lasts 60 seconds to {MAX_TTL_S / 86_400:.0f} days, not {ttl_s:.0f} seconds")
