"""An OpenID Connect provider on this machine: it vouches for whomever the test names, without asking anybody.

    with OpenIdProvider() as provider:
        provider.person = {"sub": "7", "email": "ada@example.org", "groups": ["ops"]}
        (folder / "secrets.toml").write_text(provider.secrets("http://127.0.0.1:8080"))

Discovery, authorization code, signed ID token and keys are real; only the person is not.
"""

import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "console", "a-secret-of-the-test"


class OpenIdProvider:
    """A provider with one client. ``asked`` counts how often a browser came to sign in."""

    def __init__(self) -> None:
        self.person: dict[str, object] = {"sub": "7", "email": "ada@example.org"}
        self.asked = 0
        self._key = RSAKey.generate_key(2048, parameters={"kid": "test"})
        self._nonces: dict[str, str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, name="openid-provider", daemon=True)

    @property
    def url(self) -> str:
        """The issuer."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def secrets(self, app_url: str) -> str:
        """Return what the app's secrets.toml has to say."""
        return (
            f'[auth]\nredirect_uri = "{app_url}/oauth2callback"\ncookie_secret = "{secrets.token_hex(16)}"\n'
            f'client_id = "{CLIENT}"\nclient_secret = "{SECRET}"\n'
            f'server_metadata_url = "{self.url}/.well-known/openid-configuration"\n'
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def configuration(self) -> dict[str, Any]:
        """Return the discovery document."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def keys(self) -> dict[str, Any]:
        """Return the public keys."""
        return {"keys": [{**self._key.as_dict(private=False), "use": "sig", "alg": "RS256"}]}

    def authorize(self, query: dict[str, str]) -> str:
        """Vouch for the person and return where the browser goes on."""
        self.asked += 1
        code = secrets.token_urlsafe(8)
        self._nonces[code] = query.get("nonce", "")
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, form: dict[str, str]) -> dict[str, Any]:
        """Exchange a code for a signed ID token, once."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": self._nonces.pop(form["code"])}
        signed = jwt.encode({"alg": "RS256", "kid": "test"}, {**claims, **self.person}, self._key)
        return {"access_token": secrets.token_urlsafe(8), "token_type": "Bearer", "id_token": signed, "expires_in": 300}

    def _handler(provider) -> type[BaseHTTPRequestHandler]:  # the handler's own self is another
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                if parts.path == "/authorize":
                    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                    self.send_response(302)
                    self.send_header("Location", provider.authorize(query))
                    self.end_headers()
                elif parts.path == "/keys":
                    self._answer(provider.keys())
                else:
                    self._answer(provider.configuration())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self._answer(provider.token({name: values[0] for name, values in parse_qs(body).items()}))

            def _answer(self, document: dict[str, Any]) -> None:
                body = json.dumps(document).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Keep quiet."""

        return Handler
