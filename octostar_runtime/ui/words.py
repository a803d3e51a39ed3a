"""The words and tones of every state. A state is never told by its colour alone.

Keyed by value, not by member: after a hot reload a record may carry another copy of the enum class.
Tones are CSS classes: run, wait, ok, warn, bad, odd, off.
"""

from enum import StrEnum
from typing import NamedTuple


class Word(NamedTuple):
    """How a state is called and how it looks."""

    label: str
    tone: str


RUN = {
    "queued": Word("Queued", "wait"),
    "running": Word("Running", "run"),
    "cancelling": Word("Stopping", "warn"),
    "retry_wait": Word("Retry soon", "wait"),
    "unknown": Word("Out of reach", "odd"),
    "success": Word("Done", "ok"),
    "error": Word("Failed", "bad"),
    "cancelled": Word("Cancelled", "off"),
    "timed_out": Word("Timed out", "bad"),
    "lost": Word("Lost", "bad"),
}
STUCK = Word("Stuck", "bad")
SESSION = {
    "connected": Word("Connected", "ok"),
    "disconnected": Word("Disconnected", "warn"),
    "dormant": Word("Dormant", "wait"),
    "ended": Word("Ended", "off"),
}
LIFE = {"ok": Word("Alive", "ok"), "late": Word("Late", "warn"), "lost": Word("Silent", "bad")}
ENDED_BECAUSE = {
    "closed": "tab closed",
    "lost": "its node died",
    "logout": "signed out",
    "kicked": "ended by an operator",
    "server_stop": "server stopped",
    "evicted": "server needed the room",
    "reloaded": "page reloaded",
}
NODE = {
    "ok": Word("Healthy", "ok"),
    "late": Word("Late", "warn"),
    "lost": Word("Lost", "bad"),
    "draining": Word("Draining", "warn"),
    "stopped": Word("Stopped", "off"),
}
NODE_KIND = {"ui": "Pages", "api": "API", "app": "App", "worker": "Worker"}
SERVICE = {
    "stopped": Word("Stopped", "off"),
    "starting": Word("Starting", "run"),
    "ready": Word("Ready", "ok"),
    "idle": Word("Idle, counting down", "wait"),
    "warned": Word("Stops soon", "warn"),
    "draining": Word("Finishing work", "warn"),
    "stopping": Word("Stopping", "warn"),
    "failed": Word("Failed", "bad"),
    "unknown": Word("Cannot tell", "odd"),
}
SERVICE_KIND = {
    "pool": "Task pool",
    "hook": "App's own",
    "cache": "Cache",
    "program": "Program",
    "container": "Container",
}
BLOCKER = {
    "session": "Person connected",
    "run": "Task at work",
    "busy": "Work under way",
    "api": "API activity",
    "api_in_flight": "Request under way",
    "resume": "After a sleep",
    "lease": "Kept awake",
    "schedule": "Schedule",
    "dependant": "Needed by another",
    "probe": "Cannot be checked",
    "min_uptime": "Started only just now",
}
POOL = {
    "open": Word("Open", "ok"),
    "paused": Word("Paused", "warn"),
    "draining": Word("Draining", "warn"),
    "released": Word("Released", "off"),
}
CLUSTER = {
    "connecting": Word("Connecting", "run"),
    "up": Word("Connected", "ok"),
    "down": Word("Out of reach", "bad"),
    "refused": Word("Does not fit", "bad"),
    "stopped": Word("Stopped", "off"),
    "closed": Word("Stopped", "off"),
}
CLUSTER_WORKER = {
    "running": Word("Running", "ok"),
    "paused": Word("Paused: memory", "warn"),
    "init": Word("Starting", "run"),
    "closing": Word("Ending", "warn"),
    "closing_gracefully": Word("Ending", "warn"),
    "closed": Word("Ended", "off"),
    "silent": Word("Does not answer", "bad"),
}
WORKER = {
    "idle": Word("Idle", "wait"),
    "busy": Word("Busy", "run"),
    "stuck": Word("Stuck", "bad"),
    "orphaned": Word("Given up", "bad"),
}
CANCEL = {
    "requested": "asked to stop, no answer yet",
    "acknowledged": "the task has seen it",
    "stopped": "the task stopped",
    "ignored": "the task ended without heeding it",
}
CANCELLED_BECAUSE = {
    "superseded": "a newer one took its place",
    "session ended": "its session ended",
    "session_ended": "its session ended",
    "shutdown": "the server stopped",
}
MODE = {"enforce": Word("Active", "ok"), "dry_run": Word("Practice only", "wait"), "off": Word("Off", "off")}


def word(table: dict[str, Word], state: StrEnum | str | None) -> Word:
    """Return the word of ``state``; an unknown state is shown as it is called, never hidden."""
    value = "" if state is None else str(getattr(state, "value", state))
    return table.get(value) or Word(value.replace("_", " ").capitalize() or "Unknown", "odd")


def plain(table: dict[str, str], value: StrEnum | str | None) -> str:
    """Return the phrase of ``value``, or the value itself in plain letters."""
    text = "" if value is None else str(getattr(value, "value", value))
    return table.get(text, text.replace("_", " ") if " " not in text else text)
