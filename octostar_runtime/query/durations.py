"""Durations as people write them: ``90s``, ``5m``, ``1h30m``."""

import re

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")


def parse_duration(text: str) -> float | None:
    """Return seconds, None when ``text`` is not a duration. A bare number is none: its unit would be a guess."""
    folded = text.casefold()
    if len(folded) > 40 or not _WHOLE.fullmatch(folded):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(folded))


def format_duration(seconds: float) -> str:
    """Return the shortest exact way to write ``seconds``, e.g. ``1h30m``."""
    left = round(seconds * 1000)
    parts: list[str] = []
    for unit in ("w", "d", "h", "m", "s", "ms"):
        size = round(_UNITS[unit] * 1000)
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
