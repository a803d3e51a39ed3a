"""``sessions list | end | message``."""

from argparse import ArgumentParser, Namespace, _SubParsersAction

from octostar_runtime.cli.service import connect, moment, report, show, table


def add_to(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Add the commands."""
    group = commands.add_parser("sessions", help="list, end and message sessions").add_subparsers(required=True)
    listing = group.add_parser("list", help="list sessions, the latest to connect first")
    listing.add_argument("--limit", type=int, default=50)
    listing.add_argument("--state", choices=("connected", "disconnected", "dormant", "ended"))
    listing.set_defaults(run=list_sessions)
    ending = group.add_parser("end", help="end sessions")
    ending.add_argument("session_ids", nargs="+", metavar="session_id")
    ending.add_argument("--reason", default="", help="kept in the audit log")
    ending.set_defaults(run=end)
    message = group.add_parser("message", help="show a message in sessions, in all live ones when none is named")
    message.add_argument("text")
    message.add_argument("session_ids", nargs="*", metavar="session_id")
    message.add_argument("--level", choices=("info", "warning", "error"), default="info")
    message.set_defaults(run=send_message)


def list_sessions(arguments: Namespace) -> None:
    """Print one page of sessions."""
    with connect(arguments) as client:
        page = client.sessions(limit=arguments.limit, state=arguments.state)
    rows = [
        (s.session_id, s.state.value, s.life.value, s.user, s.page, moment(s.connected_at), "yes" if s.observer else "")
        for s in page.items
    ]
    lines = table(("session", "state", "life", "user", "page", "connected", "observer"), rows)
    show(arguments, page, [*lines, f"{len(page.items)} of {page.total}"])


def end(arguments: Namespace) -> int:
    """End sessions."""
    with connect(arguments) as client:
        return report(arguments, client.end_sessions(arguments.session_ids, reason=arguments.reason))


def send_message(arguments: Namespace) -> int:
    """Message sessions."""
    with connect(arguments) as client:
        return report(
            arguments, client.message_sessions(arguments.text, arguments.session_ids or None, level=arguments.level)
        )
