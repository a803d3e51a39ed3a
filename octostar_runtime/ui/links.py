"""Where the console's pages are. Every filter, tab, sorting and page number is part of an address."""

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode, urlsplit

#: Page by key -> (address in our own app, title, icon, key of the g-shortcut)
PAGES: Mapping[str, tuple[str, str, str, str]] = {
    "overview": ("", "Overview", ":material/dashboard:", "o"),
    "sessions": ("sessions", "Sessions", ":material/group:", "s"),
    "tasks": ("tasks", "Tasks", ":material/list_alt:", "t"),
    "pool": ("pool", "Pool", ":material/memory:", "p"),
    "nodes": ("nodes", "Nodes", ":material/dns:", "n"),
    "idle": ("idle", "Idle shutdown", ":material/bedtime:", "i"),
    "history": ("history", "History", ":material/history:", "h"),
    "system": ("system", "System", ":material/monitor_heart:", "y"),
    "run": ("task", "Task", ":material/task:", ""),
}


class Links:
    """Addresses of the console's pages, wherever it is mounted. Relative, so that a path prefix does not matter."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix

    def path(self, page: str) -> str:
        """Return the url_path of a page; empty for the overview of a console that is not mounted elsewhere."""
        address = PAGES[page][0]
        if not self._prefix:
            return address
        return f"{self._prefix}-{address}" if address else self._prefix

    def is_page(self, path: str) -> bool:
        """Whether ``path`` is a page of the console: whoever is on it watches, and is not a user of the app."""
        return any(self.path(page) == path.strip("/") for page in PAGES)

    def to(self, page: str, /, **params: object) -> str:
        """Return the address of ``page`` with the parameters that are not empty."""
        kept = {key: str(value) for key, value in params.items() if value not in (None, "", False)}
        return "./" + self.path(page) + (f"?{_encoded(tuple(kept.items()))}" if kept else "")

    def page_of(self, href: str) -> tuple[str, dict[str, str]] | None:
        """Return the page and the parameters an address of ours means, None for any other."""
        parts = urlsplit(href)
        if parts.scheme or parts.netloc:
            return None
        wanted = parts.path.removeprefix("./").strip("/")
        for page in PAGES:
            if self.path(page) == wanted:
                return page, dict(parse_qsl(parts.query))
        return None


@lru_cache(maxsize=1024)
def _encoded(params: tuple[tuple[str, str], ...]) -> str:
    """Return parameters as an address has them; the same few are asked for with each refresh."""
    return urlencode(params)


def quoted(value: str) -> str:
    """Return a value as the search box takes it: in quotes when it holds a blank."""
    clean = value.replace('"', "")
    return f'"{clean}"' if " " in clean or not clean else clean
