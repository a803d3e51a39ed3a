"""Reads the command line and runs one command. Exit code 0: done; 1: refused or failed; 2: wrong usage."""

import argparse
import sys
from collections.abc import Sequence

import httpx

from octostar_runtime import __version__
from octostar_runtime.cli import access, overview, policy, services, sessions, store, tasks
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
        sys.stderr.close()  # whoever read has what they wanted; nothing is left to be said
        return 1
    except KeyboardInterrupt:
        return 130
    return code or 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    root = argparse.ArgumentParser(prog="octostar-runtime", description="Operate a Streamlit app and its tasks.")
    root.add_argument("--version", action="version", version=__version__)
    root.set_defaults(url=None, token=None, json=False)
    _add_common(root)
    commands = root.add_subparsers(required=True, metavar="command")
    for module in (overview, tasks, sessions, services, policy, access, store):
        module.add_to(commands)
    _add_optional(commands)
    _accept_everywhere(commands)
    return root


def _add_common(parser: argparse.ArgumentParser) -> None:
    """Add what every command takes. Suppressed defaults: what was given before the command is not overwritten."""
    parser.add_argument(
        "--url",
        default=argparse.SUPPRESS,
        help="address of the service (default: OCTOSTAR_API_URL, else this machine's)",
    )
    parser.add_argument(
        "--token",
        default=argparse.SUPPRESS,
        help="API token (default: OCTOSTAR_API_TOKEN, else the file in the state directory)",
    )
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")


def _accept_everywhere(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Take the common options behind a command, too, where people write them."""
    for command in dict.fromkeys(commands.choices.values()):
        known = {option for action in command._actions for option in action.option_strings}
        if not known & {"--url", "--token", "--json"}:
            _add_common(command)
        for action in command._actions:
            if isinstance(action, argparse._SubParsersAction):
                _accept_everywhere(action)


def _add_optional(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands of other parts, where they are installed."""
    from importlib import import_module
    from importlib.util import find_spec

    for name in ("desktop", "scaffold"):
        if find_spec(f"octostar_runtime.{name}.command") is not None:
            import_module(f"octostar_runtime.{name}.command").add_to(commands)
