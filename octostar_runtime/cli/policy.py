"""``policy get | put``; alone it prints."""

import json
import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path

from octostar_runtime.cli.service import connect
from octostar_runtime.errors import InvalidInput


def add_to(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Add the commands."""
    policy = commands.add_parser("policy", help="read and save the idle policy")
    policy.set_defaults(run=get)
    group = policy.add_subparsers()
    group.add_parser("get", help="print the policy and its version").set_defaults(run=get)
    put = group.add_parser("put", help="save a policy as `policy get` prints it; - reads standard input")
    put.add_argument("file")
    put.add_argument("--reason", default="", help="kept in the audit log")
    put.set_defaults(run=save)


def get(arguments: Namespace) -> None:
    """Print the policy."""
    with connect(arguments) as client:
        policy, version = client.policy()
    print(json.dumps({"version": version, "policy": policy}, indent=2))


def save(arguments: Namespace) -> None:
    """Save a policy."""
    try:
        text = sys.stdin.read() if arguments.file == "-" else Path(arguments.file).read_text()
        found = json.loads(text)
        policy, version = found["policy"], int(found["version"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InvalidInput(f"{arguments.file} is not what `policy get` prints: {error!r}") from None
    with connect(arguments) as client:
        print(f"saved as version {client.save_policy(policy, version, reason=arguments.reason)}")
