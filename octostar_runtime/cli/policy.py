"""``policy get | put | what-if``; alone it prints."""

import json
import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path
from typing import Any

from octostar_runtime.cli.service import connect, show, table
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
    tried = group.add_parser("what-if", help="what a policy would have saved, and who would have waited")
    tried.add_argument(
        "file", nargs="?", help="as `policy get` prints it; - reads standard input; none: the one in force"
    )
    tried.add_argument("--days", type=float, default=7.0, help="how far back (default: 7)")
    tried.set_defaults(run=what_if)


def get(arguments: Namespace) -> None:
    """Print the policy."""
    with connect(arguments) as client:
        policy, version = client.policy()
    print(json.dumps({"version": version, "policy": policy}, indent=2))


def what_if(arguments: Namespace) -> int:
    """Replay a policy over the recorded use; exit code 1 when it would have stopped running work."""
    policy = None if arguments.file is None else _read(arguments.file)[0]
    with connect(arguments) as client:
        answer = client.try_policy(policy, days=arguments.days)
    rows = [
        (
            one["service"],
            f"{one['hours_stopped']:.1f}",
            f"{one['gib_hours_saved']:.1f}",
            one["wakes"],
            one["people_who_waited"],
            f"{one['mean_wait_s']:.1f}",
            f"{one['longest_wait_s']:.1f}",
            one["stops_that_hit_work"],
        )
        for one in answer["outcomes"]
    ]
    head = ("service", "hours stopped", "GB h saved", "starts", "waited", "mean s", "longest s", "hit work")
    told = f"{answer['hours']:.0f} h, {answer['sessions']} sessions, {answer['runs']} tasks"
    show(arguments, answer, [*table(head, rows), told + ("" if answer["complete"] else "; older ones are left out")])
    return 1 if any(one["stops_that_hit_work"] for one in answer["outcomes"]) else 0


def save(arguments: Namespace) -> None:
    """Save a policy."""
    policy, version = _read(arguments.file)
    with connect(arguments) as client:
        print(f"saved as version {client.save_policy(policy, version, reason=arguments.reason)}")


def _read(file: str) -> tuple[dict[str, Any], int]:
    """Return the policy and the version it was read at; InvalidInput when the file is something else."""
    try:
        found = json.loads(sys.stdin.read() if file == "-" else Path(file).read_text())
        return dict(found["policy"]), int(found["version"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InvalidInput(f"{file} is not what `policy get` prints: {error!r}") from None
