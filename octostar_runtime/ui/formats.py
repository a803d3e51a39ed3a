"""Numbers and times in the words that people read. Pure, and the same as what the browser's script writes."""


def duration(seconds: float | None) -> str:
    """Return e.g. ``0.4 s``, ``12 s``, ``3 min 20 s``, ``2 h 05 min``, ``3 d 4 h``."""
    if seconds is None:
        return "—"
    if seconds < 0.0995:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    return whole_duration(seconds).removesuffix(" 00 s").removesuffix(" 00 min")


def whole_duration(seconds: float) -> str:
    """Return a duration without fractions, as a ticking clock shows it."""
    whole = int(max(seconds, 0))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def size(count: float | None) -> str:
    """Return bytes as e.g. ``412 MB`` (steps of 1024)."""
    if count is None:
        return "—"
    value = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1024 or unit == "TB":
            return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError("unreachable")


def percent(share: float | None) -> str:
    """Return a share of 0..1 as e.g. ``44 %``."""
    return "—" if share is None else f"{share * 100:.0f} %"


def number(count: float | None) -> str:
    """Return a count with thousands separated."""
    return "—" if count is None else f"{count:,.0f}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return e.g. ``1 task``, ``1,204 tasks``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def short_id(identifier: str) -> str:
    """Return the telling end of a time-ordered id, e.g. ``…3f9a01bc``."""
    return identifier if len(identifier) <= 10 else f"…{identifier[-8:]}"


def session_ref(session_id: str) -> str:
    """Return how a session is named on a page: a part of its id, because the whole id is a bearer secret."""
    return session_id[:13]


def session_name(session_id: str | None) -> str:
    """Return the short name of a session."""
    return "—" if session_id is None else session_id[:8]


def person(user: str | None, *, observer: bool) -> str:
    """Return who sits at the browser, as far as the app knows; the console's sign-in is not the app's."""
    return user or ("at the console" if observer else "not signed in")
