"""Where to send a browser after it signed in: only back into this app."""

from urllib.parse import urlsplit


def safe_next(target: str | None, base_path: str = "") -> str:
    """Return ``target`` when it is a path of this app, else the app's start page.

    Browsers read ``//host``, ``/\\host`` and control characters as another site; all of these are refused.
    A path without the base path gets it in front.
    """
    home = f"{base_path}/"
    if not target or len(target) > 2000 or not target.startswith("/") or target.startswith("//"):
        return home
    if "\\" in target or any(ord(char) <= 32 or ord(char) == 127 for char in target):
        return home
    try:
        parts = urlsplit(target)
    except ValueError:
        return home
    if parts.scheme or parts.netloc:
        return home
    # "/a/..//host" is harmless as sent, but nothing of ours looks like that
    if "//" in parts.path or ".." in parts.path.split("/"):
        return home
    inside = not base_path or parts.path == base_path or parts.path.startswith(home)
    return target if inside else f"{base_path}{target}"
