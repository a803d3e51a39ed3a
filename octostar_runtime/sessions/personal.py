"""What is personal of a session, shown as the setting ``show_personal`` says. Pure."""

from dataclasses import replace
from typing import Literal

from octostar_runtime.models.sessions import SessionRecord

Shown = Literal["full", "masked", "hidden"]


def as_shown(record: SessionRecord, shown: Shown) -> SessionRecord:
    """Return the record with user and address in full, masked or left out."""
    if shown == "full":
        return record
    if shown == "hidden":
        return replace(record, user=None, remote_address=None)
    return replace(record, user=mask_name(record.user), remote_address=mask_address(record.remote_address))


def mask_name(name: str | None) -> str | None:
    """Return e.g. ``"a•••@example.org"`` for ``"ada@example.org"``."""
    if not name:
        return name
    local, at, domain = name.partition("@")
    return f"{local[:1]}•••{at}{domain}"


def mask_address(address: str | None) -> str | None:
    """Return the network part only, e.g. ``"203.0.113.•"``."""
    if not address:
        return address
    separator = ":" if ":" in address else "."
    parts = address.split(separator)
    kept = parts[: len(parts) - 1] if separator == "." else parts[:3]
    return separator.join([*kept, "•"])
