"""The sign-in cookie as text: how it is written for a browser and found in what a browser sends."""

#: Name of the sign-in cookie. The value is a random secret; only its digest is stored.
COOKIE_NAME = "octostar_signin"


def cookie_header(value: str, *, max_age_s: float, path: str, secure: bool, cross_site: bool) -> str:
    """Return the Set-Cookie header that signs a browser in.

    ``cross_site`` is for use in another site's frame: SameSite=None needs Secure, and Partitioned lets the
    cookie live where browsers block third-party cookies.
    """
    parts = [f"{COOKIE_NAME}={value}", f"Path={path or '/'}", f"Max-Age={int(max_age_s)}", "HttpOnly"]
    if cross_site:
        parts += ["SameSite=None", "Secure", "Partitioned"]
    else:
        parts += ["SameSite=Lax", *(["Secure"] if secure else [])]
    return "; ".join(parts)


def clear_cookie_header(*, path: str, secure: bool, cross_site: bool) -> str:
    """Return the Set-Cookie header that removes the cookie."""
    return cookie_header("", max_age_s=0, path=path, secure=secure, cross_site=cross_site)


def cookie_value(header: str | None, name: str = COOKIE_NAME) -> str | None:
    """Return the sign-in cookie from a Cookie header, None when it is not there."""
    for pair in (header or "").split(";"):
        key, separator, value = pair.strip().partition("=")
        if separator and key == name and value:
            return value.strip('"')
    return None
