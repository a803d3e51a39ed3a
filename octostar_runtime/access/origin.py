"""Cross-site request forgery: a browser's cookie counts for a change only when our own page asked for it.

Browsers say where a request comes from in ``Sec-Fetch-Site`` and ``Origin``; a page cannot forge either. A
client that sends neither is no browser, so there is no visitor whose cookie could be abused.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def same_origin(headers: Mapping[str, str]) -> bool:
    """Whether the request comes from our own pages (or from no browser). ``headers`` has lower-case names."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return True
    return _authority(origin) == headers.get("host", "").lower()


def speculative(headers: Mapping[str, str]) -> bool:
    """Whether a browser asks ahead of its user (prefetch, prerender, preview)."""
    said = " ".join(headers.get(name, "") for name in ("sec-purpose", "purpose", "x-purpose", "x-moz")).lower()
    return any(word in said for word in ("prefetch", "prerender", "preview"))


def _authority(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None
