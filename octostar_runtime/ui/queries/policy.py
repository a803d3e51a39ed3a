"""The idle policy as a form: durations and hours as people write them, and back into the one document."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: Fields of the form in groups: (title, ((field, label, help), ...)). Durations are written as text.
DURATIONS: tuple[tuple[str, str, str], ...] = (
    ("min_uptime", "Stays up at least", "After it became ready, nothing is stopped for this long"),
    ("warn_before", "People are warned before", "They see a countdown and may keep it awake"),
    ("open_tab_limit", "A tab nobody touched is dormant after", "Dormant tabs keep nothing up; 0 switches this off"),
    ("api_activity_window", "An API request counts for", "Requests in flight always count"),
)
MORE: tuple[tuple[str, str, str], ...] = (
    ("check_interval", "Time between two looks", ""),
    ("drain_timeout", "Time to finish work before a stop", ""),
    ("stop_timeout", "Time from the polite to the hard stop", ""),
    ("start_timeout", "Time in which a start must succeed", ""),
    ("busy_stuck_after", "Alert when work makes no progress for", "0 switches this off"),
    ("max_age", "Recycle a service that is up for", "0 switches this off"),
    ("lease_max", "Longest keep-awake", ""),
    ("keep_awake_for", "A user's keep-awake lasts", "off: users are warned and have no button"),
    ("wake_hold_max", "Longest a request waits for a start", ""),
    ("wake_page_after", "People get the waiting page after", "It opens the app by itself"),
    ("heartbeat_interval", "Time between heartbeats of a session", ""),
    ("session_end_after", "A session ends after a disconnect", "off: as the server is set; never longer than that"),
)
SWITCHES: tuple[tuple[str, str, str], ...] = (
    ("connected_blocks", "Connected people keep services up", ""),
    ("busy_blocks", "Tasks keep services up", "Those that run and those that wait"),
    ("api_blocks", "API activity keeps services up", ""),
    ("observers_block", "Operators who only watch keep services up", ""),
    ("preload_on_session", "A new session starts what is stopped", ""),
    ("container_exit", "End the container when all else is stopped", "The last step; off unless you want it"),
)
MODES = {
    "enforce": "Active: services stop",
    "dry_run": "Practice: only record what would have been done",
    "off": "Off: nothing stops by itself",
}
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_WINDOW = re.compile(
    r"(?P<days>[a-z ,]+?)\s+(?P<start>\d\d?:\d\d)\s*(?:-|to)\s*(?P<end>\d\d?:\d\d)(?:\s+(?P<zone>\S+))?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What the form holds when it is sent; all durations are text."""

    mode: str
    durations: Mapping[str, str]
    switches: Mapping[str, bool]
    idle_after: Mapping[str, str]
    hours: str


def in_words(seconds: object) -> str:
    """Return seconds as the policy understands them in text, e.g. ``5 min``; None is ``off``."""
    if seconds is None:
        return "off"
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return str(seconds)
    for size, unit in _UNITS:
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def read_document(text: str) -> dict[str, Any]:
    """Return the document written as JSON; ValueError says where it cannot be read."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ValueError(f"this is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise ValueError("the document must be one JSON object, in braces")
    return document


def hours_text(windows: object) -> str:
    """Return the awake schedule as lines, e.g. ``mon tue 07:30 - 19:00 Europe/Rome``."""
    if not isinstance(windows, list | tuple):
        return ""
    return "\n".join(f"{' '.join(w['days'])} {w['start']} - {w['end']} {w['time_zone']}" for w in windows)


def read_hours(text: str) -> list[dict[str, Any]]:
    """Return the schedule written in lines; ValueError names the line that cannot be read."""
    windows = []
    for line in filter(None, (line.strip() for line in text.splitlines())):
        found = _WINDOW.fullmatch(line)
        if found is None:
            raise ValueError(f"{line!r} cannot be read; write e.g. mon tue wed 07:30 - 19:00 Europe/Rome")
        windows.append(
            {
                "days": [day for day in re.split(r"[ ,]+", found["days"].strip()) if day],
                "start": found["start"].zfill(5),
                "end": found["end"].zfill(5),
                "time_zone": found["zone"] or "UTC",
            }
        )
    return windows


def document(before: Mapping[str, Any], written: Written) -> dict[str, Any]:
    """Return the whole document: what the form holds over what was there. What the form does not show stays."""
    services = {name: dict(rules) for name, rules in dict(before.get("services") or {}).items()}
    for name, text in written.idle_after.items():
        known = services.get(name, {})
        if text.strip():
            services[name] = {**known, "idle_after": text.strip()}
        elif "idle_after" in known:
            services[name] = {key: value for key, value in known.items() if key != "idle_after"}
    return {
        **before,
        "mode": written.mode,
        **{name: text.strip() for name, text in written.durations.items()},
        **written.switches,
        "awake_schedule": read_hours(written.hours),
        "services": services,
    }
