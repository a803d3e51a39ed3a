"""Signing in: a one-use link or the local password becomes a cookie that the store can revoke."""

from dataclasses import dataclass

from octostar_runtime.access.attempts import AttemptLimit
from octostar_runtime.access.audit import AccessAudit
from octostar_runtime.access.password import verify_password
from octostar_runtime.access.secret import digest, new_secret, plausible
from octostar_runtime.clock import Clock
from octostar_runtime.errors import NotSignedIn, StoreUnavailable
from octostar_runtime.ids import new_id
from octostar_runtime.models.access import Credential, Principal, Role
from octostar_runtime.ports import Credentials

#: Name and role of whoever knows the local password or the first link.
LOCAL_NAME, LOCAL_ROLE = "admin", Role.ADMIN


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A fresh sign-in: the cookie's value is told this once."""

    principal: Principal
    cookie: str
    expires_at: float  # UTC seconds


class SignIn:
    """Exchange proofs for cookies; failures are limited per address and leave audit events."""

    def __init__(
        self,
        *,
        credentials: Credentials,
        clock: Clock,
        attempts: AttemptLimit,
        audit: AccessAudit,
        password_hash: str,
        lasts_s: float,
    ) -> None:
        self._credentials = credentials
        self._clock = clock
        self._attempts = attempts
        self._audit = audit
        self._password_hash = password_hash
        self._lasts_s = lasts_s

    def make_link(self, *, name: str, role: Role, ttl_s: float, via: str) -> str:
        """Store a one-use link's digest and return its secret."""
        secret = new_secret("link")
        self._credentials.put(self._credential("link", secret, name, role, via, ttl_s))
        return secret

    def with_link(self, secret: str, peer: str) -> SignedIn:
        """Use up a link. NotSignedIn when it is unknown, used or expired; TooManyAttempts after many failures."""
        self._attempts.begin(peer, guessable=False)
        known = plausible("link", secret)
        try:
            link = self._credentials.consume(digest(secret), at=self._clock.time()) if known else None
        except StoreUnavailable:
            self._attempts.forgive(peer)
            raise
        if link is None or link.kind != "link":
            self._refuse(peer, "link")
            raise NotSignedIn("this sign-in link is unknown, used or expired; ask for a new one")
        return self.issue(link.subject, link.role, link.via or "link", peer)

    def with_password(self, password: str, peer: str) -> SignedIn:
        """Check the local password. NotSignedIn when it is wrong or none is set; TooManyAttempts as above."""
        self._attempts.begin(peer, guessable=True)
        if not verify_password(self._password_hash, password):
            self._refuse(peer, "password")
            raise NotSignedIn("wrong password" if self._password_hash else "no password is set for this service")
        return self.issue(LOCAL_NAME, LOCAL_ROLE, "password", peer)

    def issue(self, name: str, role: Role, via: str, peer: str) -> SignedIn:
        """Sign somebody in whose identity has been proven."""
        secret = new_secret("cookie")
        credential = self._credential("cookie", secret, name, role, via, self._lasts_s)
        self._credentials.put(credential)
        self._attempts.succeeded(peer)
        principal = principal_of(credential)
        self._audit.record("access.signed_in", name, principal, {"role": role.name.lower(), "peer": peer})
        return SignedIn(principal=principal, cookie=secret, expires_at=credential.expires_at)

    def _credential(self, kind: str, secret: str, name: str, role: Role, via: str, ttl_s: float) -> Credential:
        now = self._clock.time()
        return Credential(
            credential_id=new_id(),
            kind=kind,
            digest=digest(secret),
            subject=name,
            role=role,
            created_at=now,
            expires_at=now + ttl_s,
            via=via,
        )

    def _refuse(self, peer: str, via: str) -> None:
        self._audit.record("access.sign_in_refused", peer, None, {"via": via})


def principal_of(credential: Credential) -> Principal:
    """Return who a stored credential stands for."""
    return Principal(
        name=credential.subject,
        role=credential.role,
        via="token" if credential.kind == "token" else credential.via or credential.kind,
        credential_id=credential.credential_id,
        scopes=credential.scopes,
    )
