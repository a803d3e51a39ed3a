"""The system behind the console: processes, threads, settings, sign-ins and tokens as rows."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

from octostar_runtime.models.access import Credential
from octostar_runtime.settings import Settings
from octostar_runtime.ui import formats
from octostar_runtime.ui.machine import ProcessMemory
from octostar_runtime.ui.queries.people import Eyes
from octostar_runtime.ui.tables import Cell, Column, RowAction, Table

#: Settings that name people.
_NAMING = ("roles",)
REVOKE = RowAction(name="revoke", label="Revoke", help="It is worthless at once")
SIGN_OUT = RowAction(name="sign_out", label="Sign out", help="End this sign-in everywhere it is used")


def processes_table(processes: Sequence[ProcessMemory], parts: Mapping[int, str]) -> Table:
    """Return one row per process, the largest first; ``parts`` names what a process is."""
    columns = (
        Column(label="Process", main=True),
        Column(label="Part"),
        Column(label="Id", end=True),
        Column(label="Own memory", end=True, help="Comes back when this process ends"),
        Column(label="Shared", end=True, help="Held together with other processes: code and what was forked"),
        Column(label="Fair share", end=True, help="Own memory and its part of what is shared; may be summed"),
        Column(label="CPU used", end=True),
        Column(label="Threads", end=True),
        Column(label="Open files", end=True),
        Column(label="Up for", kind="since", end=True),
    )
    ordered = sorted(processes, key=lambda process: process.fair, reverse=True)
    rows: list[list[Cell]] = [
        [
            str(process.pid),
            process.name,
            parts.get(process.pid),
            str(process.pid),
            formats.size(process.own),
            formats.size(process.shared),
            formats.size(process.fair),
            formats.duration(process.cpu_s // 1),
            str(process.threads),
            str(process.files),
            process.started_at // 1,
        ]
        for process in ordered
    ]
    return Table(label="Processes", columns=columns, rows=rows)


def settings_table(settings: Settings, eyes: Eyes) -> Table:
    """Return the settings in force; secrets are shown as set or not set, and people as this viewer may see them."""
    columns = (
        Column(label="Setting", main=True, wrap=True),
        Column(label="In force", wrap=True),
        Column(label="Meaning", wrap=True),
    )
    rows: list[list[Cell]] = []
    for name, field in type(settings).model_fields.items():
        alias = field.validation_alias
        variable = alias if isinstance(alias, str) else f"OCTOSTAR_{name.upper()}"
        shown = shown_setting(getattr(settings, name))
        if name in _NAMING and eyes.person(shown) != shown:
            shown = "not shown to viewers"
        rows.append([variable, variable, shown, field.description])
    return Table(label="Settings", columns=columns, rows=rows)


def shown_setting(value: object) -> str:
    """Return a setting's value without any secret in it."""
    if isinstance(value, SecretStr):
        return "set, not shown" if value.get_secret_value() else "not set"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_inner(item)}" for key, item in value.items()) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    text = "" if value is None else str(value)
    if "://" in text:
        return without_password(text)
    return text if text else "not set"


def _inner(item: object) -> str:
    size = getattr(item, "size", None)
    return f"{size} {getattr(item, 'engine', '')}".strip() if size is not None else str(item)


def without_password(url: str) -> str:
    """Return a URL with its password, and a query that may hold one, taken out."""
    parts = urlsplit(url)
    if parts.password is None and not parts.query:
        return url
    user = f"{parts.username}:•••@" if parts.password else f"{parts.username}@" if parts.username else ""
    host = f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"
    return urlunsplit((parts.scheme, f"{user}{host}", parts.path, "•••" if parts.query else "", ""))


def credentials_table(credentials: Sequence[Credential], *, tokens: bool, mine: str | None) -> Table:
    """Return sign-ins or tokens; ``mine`` is the one this viewer came with."""
    columns = (
        Column(label="Label" if tokens else "Who", main=True),
        Column(label="Role"),
        Column(label="May" if tokens else "Way"),
        Column(label="Made for" if tokens else "This one"),
        Column(label="Made", kind="time"),
        Column(label="Last used", kind="time"),
        Column(label="Ends", kind="due"),
    )
    rows: list[list[Cell]] = [
        [
            one.credential_id,
            (one.label or "unnamed") if tokens else one.subject,
            one.role.name.lower(),
            (", ".join(sorted(one.scopes)) or "everything its role may") if tokens else one.via,
            one.subject if tokens else ("yours" if one.credential_id == mine else None),
            one.created_at // 1,
            one.last_used_at // 60 * 60 if one.last_used_at else None,
            one.expires_at // 1,
            ["revoke" if tokens else "sign_out"],
        ]
        for one in credentials
    ]
    action = REVOKE if tokens else SIGN_OUT
    return Table(label="API tokens" if tokens else "Sign-ins", columns=columns, rows=rows, actions=(action,))
