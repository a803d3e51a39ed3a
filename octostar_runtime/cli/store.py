"""``store check | backup | prune | migrate``, on the store's own machine."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from importlib import import_module
from importlib.util import find_spec

from octostar_runtime.errors import InvalidInput
from octostar_runtime.settings import load_settings

MODULE = "octostar_runtime.store.maintenance"
VERBS = {
    "check": "look for damage",
    "backup": "copy the store to a file while it is in use",
    "prune": "remove what is older than the retention",
    "migrate": "bring the schema up to this release's",
}


def add_to(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Add the commands."""
    group = commands.add_parser("store", help="look after the store").add_subparsers(required=True)
    for verb, text in VERBS.items():
        command = group.add_parser(verb, help=text)
        if verb == "backup":
            command.add_argument("file", help="where to")
        command.set_defaults(run=maintain, verb=verb)


def maintain(arguments: Namespace) -> int:
    """Run a maintenance function of the store."""
    if find_spec(MODULE) is None or not hasattr(import_module(MODULE), arguments.verb):
        raise InvalidInput(f"this release cannot {arguments.verb} the store by command")
    act = getattr(import_module(MODULE), arguments.verb)
    targets = (arguments.file,) if arguments.verb == "backup" else ()
    result = act(load_settings(), *targets)
    print(result if isinstance(result, str) else "done")
    return 0
