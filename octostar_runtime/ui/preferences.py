"""What a viewer chose and the browser remembers: how often to refresh and how to write times.

Kept in a cookie that the page's script writes; nothing secret, and whatever a browser sends is checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass

COOKIE = "octostar_console"
REFRESH: Mapping[str, float | None] = {"1 s": 1, "2 s": 2, "5 s": 5, "15 s": 15, "30 s": 30, "Off": None}
TIMES: Mapping[str, str] = {"relative": "Relative", "local": "Local", "utc": "UTC"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """One viewer's choices."""

    refresh: str = "2 s"
    times: str = "relative"

    @property
    def refresh_s(self) -> float | None:
        """Seconds between refreshes, None when switched off."""
        return REFRESH[self.refresh]

    def cookie(self) -> str:
        """Return the choices as a cookie's value."""
        return f"{self.refresh.replace(' ', '')}.{self.times}"


def read(cookie: object) -> Preferences:
    """Return the remembered choices; defaults for what is missing or unknown."""
    refresh, _, times = (cookie if isinstance(cookie, str) else "").partition(".")
    known = {name.replace(" ", ""): name for name in REFRESH}
    return Preferences(
        refresh=known.get(refresh, "2 s"),
        times=times if times in TIMES else "relative",
    )
