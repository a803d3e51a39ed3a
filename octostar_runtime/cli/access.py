"""``tokens list | make | revoke``, ``link``, ``password hash``."""

import getpass
import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction

from octostar_runtime.access import SCOPES, hash_password
from octostar_runtime.cli.service import connect, moment, show, table
from octostar_runtime.errors import InvalidInput

ROLES = ("viewer", "operator", "admin")


def add_to(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Add the commands."""
    parser = commands.add_parser("tokens", help="list, make and revoke API tokens")
    parser.set_defaults(run=list_tokens)
    tokens = parser.add_subparsers()
    tokens.add_parser("list", help="list tokens in force").set_defaults(run=list_tokens)
    make = tokens.add_parser("make", help="make a token; its secret is printed this once")
    make.add_argument("label", help="what it is for")
    make.add_argument("--role", choices=ROLES, default="viewer")
    make.add_argument("--scope", action="append", default=[], choices=list(SCOPES), help="limit it; may be repeated")
    make.add_argument("--days", type=int, default=30)
    make.set_defaults(run=make_token)
    revoke = tokens.add_parser("revoke", help="make a token worthless")
    revoke.add_argument("token_id")
    revoke.set_defaults(run=revoke_token)
    link = commands.add_parser("link", help="make a one-use sign-in link")
    link.add_argument("name", nargs="?", default="admin", help="whom it signs in")
    link.add_argument("--role", choices=ROLES, default="admin")
    link.add_argument("--minutes", type=int, default=15)
    link.set_defaults(run=make_link)
    password = commands.add_parser("password", help="the local password").add_subparsers(required=True)
    password.add_parser("hash", help="print the hash of a password for OCTOSTAR_PASSWORD_HASH").set_defaults(run=hashed)


def list_tokens(arguments: Namespace) -> None:
    """Print the tokens in force."""
    with connect(arguments) as client:
        tokens = client.tokens()
    rows = [
        (
            t.token_id,
            t.label,
            t.subject,
            t.role,
            ", ".join(t.scopes) or "all",
            moment(t.expires_at),
            moment(t.last_used_at),
        )
        for t in tokens
    ]
    show(arguments, tokens, table(("token", "label", "of", "role", "scopes", "until", "last used"), rows))


def make_token(arguments: Namespace) -> None:
    """Make a token."""
    with connect(arguments) as client:
        secret = client.make_token(arguments.label, role=arguments.role, scopes=arguments.scope, days=arguments.days)
    show(arguments, {"token": secret}, [secret])


def revoke_token(arguments: Namespace) -> None:
    """Revoke a token."""
    with connect(arguments) as client:
        client.revoke_token(arguments.token_id)


def make_link(arguments: Namespace) -> None:
    """Make a sign-in link."""
    with connect(arguments) as client:
        print(f"{client.address}{client.make_link(arguments.name, role=arguments.role, minutes=arguments.minutes)}")


def hashed(arguments: Namespace) -> None:
    """Ask for a password and print its hash."""
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != password:
            raise InvalidInput("the two do not match")
    else:
        password = sys.stdin.readline().rstrip("\n")
    print(hash_password(password))
