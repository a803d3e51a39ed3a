"""Reads the command line and runs one command. Exit code 0: done; 1: refused or failed; 2: wrong usage."""

import argparse
import sys
from collections.abc import Sequence

import httpx

from octostar_runtime import __version__
from octostar_runtime.cli import access, overview, policy, sessions, store, tasks
from octostar_runtime.errors import OctostarRuntimeError


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code."""
    arguments = parser().parse_args(argv)
    try:
        code: int | None = arguments.run(arguments)
    except OctostarRuntimeError as error:
        print(f"octostar-runtime: {error}", file=sys.stderr)
        return 1
    except httpx.HTTPError as error:
        print(f"octostar-runtime: the service does not answer ({error}); is it running? See --url", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
    return code or 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    root = argparse.ArgumentParser(prog="octostar-runtime", description="Operate a Streamlit app and its tasks.")
    root.add_argument("--version", action="version", version=__version__)
    root.add_argument("--url", help="address of the service (default: OCTOSTAR_API_URL, else this machine's)")
    root.add_argument("--token", help="API token (default: OCTOSTAR_API_TOKEN, else the file in the state directory)")
    root.add_argument("--json", action="store_true", help="print JSON")
    commands = root.add_subparsers(required=True, metavar="command")
    for module in (overview, tasks, sessions, policy, access, store):
        module.add_to(commands)
    _add_optional(commands)
    return root


def _add_optional(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands of other parts, where they are installed."""
    from importlib import import_module
    from importlib.util import find_spec

    for name in ("desktop", "scaffold"):
        if find_spec(f"octostar_runtime.{name}.command") is not None:
            import_module(f"octostar_runtime.{name}.command").add_to(commands)
