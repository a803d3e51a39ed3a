"""`octostar-runtime new my_app`."""

import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path

from octostar_runtime.scaffold.create import create_project


def add_to(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Add the command."""
    text = "Write a project by the conventions: a page, an API, a background task, nginx in front, tests that pass."
    command = commands.add_parser("new", help="begin a project", description=text)
    command.add_argument("folder", type=Path, help="where to write it; its last part names the project")
    command.set_defaults(run=create)


def create(arguments: Namespace) -> None:
    """Write the project and say what to do with it."""
    files = create_project(arguments.folder)
    sys.stdout.write(
        f"{arguments.folder}: {len(files)} files\n"
        f"  cd {arguments.folder}\n  ./main.sh                  page and API at http://127.0.0.1:8080/\n"
        "  streamlit run app.py       the page alone\n"
    )
