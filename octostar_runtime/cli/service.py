"""The service that commands talk to, and how answers are printed."""

import json
from argparse import Namespace
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter

from octostar_runtime.client import Client, Outcomes
from octostar_runtime.errors import SettingsError
from octostar_runtime.settings import Settings, load_settings


def connect(arguments: Namespace) -> Client:
    """Return a client for the service that the arguments, the settings or this machine's files name."""
    settings = load_settings()
    url = arguments.url or settings.api_url or _own_address(settings)
    return Client(url, arguments.token or settings.api_token.get_secret_value() or _own_token(settings))


def show(arguments: Namespace, value: Any, lines: Iterable[str]) -> None:
    """Print ``value`` as JSON when asked for, else the lines."""
    if arguments.json:
        print(json.dumps(TypeAdapter(Any).dump_python(value, mode="json"), indent=2, ensure_ascii=False))
        return
    for line in lines:
        print(line)


def report(arguments: Namespace, outcomes: Outcomes) -> int:
    """Print what became of an action; 1 when something was refused."""
    lines = [f"{'ok ' if o.ok else 'no '} {o.target}  {o.detail}" for o in outcomes.outcomes]
    show(arguments, outcomes, [*lines, f"{outcomes.done} done, {outcomes.refused} refused"])
    return 1 if outcomes.refused else 0


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Return rows as aligned text."""
    cells = [list(head), *([("" if cell is None else str(cell)) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def moment(at: float | None) -> str:
    """Return a time as people read it, UTC."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def seconds(value: float | None) -> str:
    """Return a duration."""
    return "" if value is None else f"{value:.2f} s" if value < 60 else f"{value / 60:.1f} min"


def _own_address(settings: Settings) -> str:
    """The launcher leaves its address in the state directory; else it is the settings'."""
    note = settings.state_dir / "address"
    if note.is_file():
        return note.read_text().strip()
    if settings.mode == "full":
        return f"http://127.0.0.1:{settings.api_port}{settings.base_path}"
    return f"http://{settings.bind}{settings.base_path}"


def _own_token(settings: Settings) -> str:
    path = settings.state_dir / "api-token"
    try:
        return path.read_text().strip()
    except OSError:
        raise SettingsError(
            f"no token: give --token or OCTOSTAR_API_TOKEN, or run in the directory of the service ({path} is missing)"
        ) from None
