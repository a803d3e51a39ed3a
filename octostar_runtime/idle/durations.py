"""Durations as people write them: seconds as a number, or text such as "90 s", "5 min", "1.5 h"."""

import math
import re
from typing import Annotated

from pydantic import BeforeValidator

UNITS_S = {"": 1, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
OFF = frozenset({"off", "never", "none", ""})
_TEXT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*?)\s*", re.IGNORECASE)


def to_seconds(value: object) -> float:
    """Return ``value`` as seconds; ValueError says how to write it."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError('write seconds as a number, or text such as "5 min"')
    seconds = _from_text(value) if isinstance(value, str) else float(value)
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError("must be zero or a positive number of seconds")
    return seconds


def _from_text(text: str) -> float:
    match = _TEXT.fullmatch(text)
    unit = UNITS_S.get(match[2].lower()) if match else None
    if match is None or unit is None:
        raise ValueError(f'{text!r} is not a duration; write seconds as a number, or text such as "5 min"')
    return float(match[1]) * unit


def to_seconds_or_off(value: object) -> float | None:
    """The same, where None and "off" mean never."""
    if value is None or (isinstance(value, str) and value.strip().lower() in OFF):
        return None
    return to_seconds(value)


Seconds = Annotated[float, BeforeValidator(to_seconds)]
SecondsOrOff = Annotated[float | None, BeforeValidator(to_seconds_or_off)]
