"""Who somebody is: sign-in links, cookies, bearer tokens, the local password and a trusted proxy's headers."""

from octostar_runtime.access.access import Access
from octostar_runtime.access.cookies import COOKIE_NAME, clear_cookie_header, cookie_header, cookie_value
from octostar_runtime.access.origin import SAFE_METHODS, same_origin, speculative
from octostar_runtime.access.password import hash_password
from octostar_runtime.access.redirects import safe_next
from octostar_runtime.access.sign_in import SignedIn
from octostar_runtime.access.tokens import SCOPES, IssuedToken

__all__ = [
    "COOKIE_NAME",
    "SAFE_METHODS",
    "SCOPES",
    "Access",
    "IssuedToken",
    "SignedIn",
    "clear_cookie_header",
    "cookie_header",
    "cookie_value",
    "hash_password",
    "safe_next",
    "same_origin",
    "speculative",
]
