"""The facade of sign-in: from a request's headers to a :class:`Principal`, and the ways to become one.

Every method may be called from any thread. Methods that may ask the store raise StoreUnavailable when it is away.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

from octostar_runtime.access.attempts import AttemptLimit
from octostar_runtime.access.audit import AccessAudit
from octostar_runtime.access.cookies import cookie_value
from octostar_runtime.access.local_token import ensure_local_token
from octostar_runtime.access.lookup import CredentialLookup, in_force
from octostar_runtime.access.openid import FreshIdentities
from octostar_runtime.access.password import check_hash
from octostar_runtime.access.proxy import TrustedProxy
from octostar_runtime.access.roles import RoleMap
from octostar_runtime.access.sign_in import LOCAL_NAME, LOCAL_ROLE, SignedIn, SignIn, principal_of
from octostar_runtime.access.tokens import IssuedToken, Tokens
from octostar_runtime.access.uses import TokenUses
from octostar_runtime.clock import Clock
from octostar_runtime.errors import NotAllowed, NotSignedIn, TokenNotFound
from octostar_runtime.models.access import ANONYMOUS, Credential, Principal, Role
from octostar_runtime.ports import EventSink, StoredCredentials
from octostar_runtime.settings import Settings

LINK_TTL_S = 900.0
FIRST_LINK_TTL_S = 86_400.0
TOKEN_TTL_S = 30 * 86_400.0


class Access:
    """Links, cookies, tokens, the password and proxy headers, all as one question: who is this?"""

    def __init__(
        self, *, settings: Settings, credentials: StoredCredentials, sink: EventSink, clock: Clock, node_id: str
    ) -> None:
        password_hash = settings.password_hash.get_secret_value()
        check_hash(password_hash)
        self._settings = settings
        self._credentials = credentials
        self._clock = clock
        self._audit = AccessAudit(sink=sink, clock=clock, node_id=node_id)
        self._uses = TokenUses(credentials, clock)
        self._lookup = CredentialLookup(credentials, clock)
        self._roles = RoleMap(settings.roles, settings.default_role)
        self.proxy = TrustedProxy(settings, self._roles)
        self._sign_in = SignIn(
            credentials=credentials,
            clock=clock,
            attempts=AttemptLimit(clock),
            audit=self._audit,
            password_hash=password_hash,
            lasts_s=settings.signin_hours * 3600,
        )
        self._tokens = Tokens(credentials=credentials, clock=clock, audit=self._audit)
        self._identities = FreshIdentities(clock)

    # Who is this?

    def principal(self, headers: Mapping[str, str], peer: str) -> Principal:
        """Return who sent a request: bearer token, else cookie, else the trusted proxy's user, else ANONYMOUS.

        ``headers`` has lower-case names. NotSignedIn when a bearer token is sent that is not in force: a program
        must hear that its token died rather than act as nobody.
        """
        authorization = headers.get("authorization", "")
        if authorization[:7].lower() == "bearer ":
            return self.principal_for_token(authorization[7:].strip())
        principal = self.principal_for_cookie(cookie_value(headers.get("cookie")))
        return principal if principal is not ANONYMOUS else self.principal_from_headers(headers, peer)

    def answers_at_once(self, headers: Mapping[str, str]) -> bool:
        """Whether :meth:`principal` needs no store, so that an event loop may call it."""
        authorization = headers.get("authorization", "")
        if authorization[:7].lower() == "bearer ":
            return self._lookup.cached("token", authorization[7:].strip())
        return self._lookup.cached("cookie", cookie_value(headers.get("cookie")) or "")

    def principal_for_cookie(self, value: str | None) -> Principal:
        """Return whom a sign-in cookie stands for, ANONYMOUS when for nobody (any more).

        Meant for a websocket's connect and each script run: the store is asked at most every 2 s per cookie.
        """
        credential = self._lookup.find("cookie", value) if value else None
        return principal_of(credential) if credential is not None else ANONYMOUS

    def principal_for_token(self, value: str) -> Principal:
        """Return whom a bearer token stands for; NotSignedIn when it is unknown, expired or revoked."""
        credential = self._lookup.find("token", value)
        if credential is None:
            raise NotSignedIn("this token is unknown, expired or revoked; make a new one")
        self._uses.note(credential.credential_id)
        return principal_of(credential)

    def principal_from_headers(self, headers: Mapping[str, str], peer: str) -> Principal:
        """Return the user that the trusted proxy names, ANONYMOUS when there is none or it is not that proxy."""
        return self.proxy.principal(headers, peer) or ANONYMOUS

    def principal_from_claims(self, claims: Mapping[str, object]) -> Principal:
        """Return the principal of an OpenID Connect identity that ``st.login`` has verified."""
        name = self._roles.name_of(claims)
        if not name:
            return ANONYMOUS
        return Principal(name=name, role=self._roles.of_claims(claims), via="oidc")

    # Signing in and out

    @property
    def ways(self) -> tuple[str, ...]:
        """The configured ways to sign in; a link always works."""
        ways = ["link"]
        if self._settings.password_hash.get_secret_value():
            ways.append("password")
        if self.proxy.configured:
            ways.append("proxy")
        return tuple(ways)

    def first_link(self) -> str:
        """Make the one-use link that is printed at start; whoever reads the terminal is the admin."""
        return self._sign_in.make_link(name=LOCAL_NAME, role=LOCAL_ROLE, ttl_s=FIRST_LINK_TTL_S, via="link")

    def make_link(self, *, name: str, role: Role, by: Principal, ttl_s: float = LINK_TTL_S) -> str:
        """Make a one-use link for somebody else and return its secret. Only admins may."""
        if not by.may(Role.ADMIN, "tokens:write"):
            raise NotAllowed("only admins may make sign-in links")
        secret = self._sign_in.make_link(name=name, role=role, ttl_s=ttl_s, via="link")
        self._audit.record("access.link_made", name, by, {"role": role.name.lower(), "ttl_s": ttl_s})
        return secret

    def link_from_claims(self, claims: Mapping[str, object]) -> str:
        """Make a link (60 s) that turns an identity which ``st.login`` has just verified into our cookie.

        NotSignedIn when the identity is older than five minutes or was used already: the provider has to be asked
        anew. NotAllowed when it has no role here.
        """
        self._identities.take(claims)
        principal = self.principal_from_claims(claims)
        if principal.role is Role.NOBODY:
            self._audit.record("access.sign_in_refused", principal.name, None, {"via": "oidc", "why": "no role"})
            raise NotAllowed(f"{principal.name} has no role here; an admin can name one in OCTOSTAR_ROLES")
        return self._sign_in.make_link(name=principal.name, role=principal.role, ttl_s=60.0, via=principal.via)

    def sign_in_with_link(self, secret: str, peer: str) -> SignedIn:
        """Use up a link and sign in; see :meth:`SignIn.with_link` for the errors."""
        return self._sign_in.with_link(secret, peer)

    def sign_in_with_password(self, password: str, peer: str) -> SignedIn:
        """Sign in with the local password; takes tens of milliseconds, so not on an event loop."""
        return self._sign_in.with_password(password, peer)

    def sign_out(self, principal: Principal) -> None:
        """Make the cookie worthless that ``principal`` came with."""
        if principal.credential_id is None:
            return
        self._credentials.revoke(principal.credential_id, at=self._clock.time())
        self._lookup.forget()
        self._audit.record("access.signed_out", principal.name, principal, {})

    def sign_ins(self, *, by: Principal) -> tuple[Credential, ...]:
        """Return the sign-ins in force, newest first: all of them for an admin, one's own for others."""
        if by.role is Role.NOBODY:
            raise NotSignedIn("sign in to see sign-ins")
        now = self._clock.time()
        found = [c for c in self._credentials.all("cookie") if in_force(c, now)]
        mine = [c for c in found if by.role is Role.ADMIN or c.subject == by.name]
        return tuple(sorted(mine, key=lambda c: c.created_at, reverse=True))

    def end_sign_in(self, credential_id: str, *, by: Principal, reason: str = "") -> None:
        """Sign a console user out everywhere that cookie is used."""
        if not by.may(Role.VIEWER, "tokens:write"):
            raise NotAllowed("this token may not end sign-ins")
        if all(c.credential_id != credential_id for c in self.sign_ins(by=by)):
            raise TokenNotFound("no sign-in in force has that id")
        self._credentials.revoke(credential_id, at=self._clock.time())
        self._lookup.forget()
        self._audit.record("access.sign_in_ended", credential_id, by, {}, reason)

    # Tokens

    def make_token(
        self,
        *,
        label: str,
        by: Principal,
        role: Role | None = None,
        scopes: Collection[str] = (),
        ttl_s: float = TOKEN_TTL_S,
    ) -> IssuedToken:
        """Make a bearer token (30 days unless told) with ``by``'s role or a lower one."""
        return self._tokens.make(label=label, role=by.role if role is None else role, scopes=scopes, ttl_s=ttl_s, by=by)

    def tokens(self, *, by: Principal) -> tuple[Credential, ...]:
        """Return the tokens in force that ``by`` may see."""
        return self._tokens.of(by)

    def revoke_token(self, credential_id: str, *, by: Principal, reason: str = "") -> None:
        """Make a token worthless at once here, within 2 s on other nodes."""
        self._tokens.revoke(credential_id, by=by, reason=reason)
        self._lookup.forget()

    def write_uses(self) -> None:
        """Store when tokens were last used, each at most once a minute; called every few seconds."""
        self._uses.write()

    def local_token_file(self) -> Path:
        """Return the file (mode 0600) with an admin token for this machine's command line; makes it when needed."""
        return ensure_local_token(self._settings.state_dir / "api-token", self._lookup, self._tokens)
