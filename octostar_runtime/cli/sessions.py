"""``sessions list | end | stop | rerun | message | notices | withdraw``; alone it lists."""

from argparse import ArgumentParser, Namespace, _SubParsersAction

from octostar_runtime.cli.service import connect, moment, report, show, table

VERBS = {"end": "end sessions", "stop": "stop the scripts that run", "rerun": "run the scripts again"}


def add_to(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Add the commands."""
    sessions = commands.add_parser("sessions", help="list, end, stop, rerun and message sessions")
    sessions.set_defaults(run=list_sessions, limit=50, state=None)
    group = sessions.add_subparsers()
    listing = group.add_parser("list", help="list sessions, the latest to connect first")
    listing.add_argument("--limit", type=int, default=50)
    listing.add_argument("--state", choices=("connected", "disconnected", "dormant", "ended"))
    listing.set_defaults(run=list_sessions)
    for verb, text in VERBS.items():
        command = group.add_parser(verb, help=text)
        command.add_argument("session_ids", nargs="+", metavar="session_id")
        command.add_argument("--reason", default="", help="kept in the audit log")
        command.set_defaults(run=act, verb=verb)
    message = group.add_parser("message", help="show a message in sessions, in all live ones when none is named")
    message.add_argument("text")
    message.add_argument("session_ids", nargs="*", metavar="session_id")
    message.add_argument("--level", choices=("info", "warning", "error"), default="info")
    message.add_argument(
        "--lasting-s", type=float, default=0.0, help="seconds for which whoever comes sees it, too; without session_id"
    )
    message.add_argument("--reason", default="", help="kept in the audit log")
    message.set_defaults(run=send_message)
    notices = group.add_parser("notices", help="list the messages that whoever comes is shown")
    notices.set_defaults(run=list_notices)
    withdraw = group.add_parser("withdraw", help="take such a message back")
    withdraw.add_argument("notice_id")
    withdraw.add_argument("--reason", default="", help="kept in the audit log")
    withdraw.set_defaults(run=withdraw_notice)


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


def act(arguments: Namespace) -> int:
    """End sessions, stop or rerun their scripts."""
    with connect(arguments) as client:
        do = {"end": client.end_sessions, "stop": client.stop_scripts, "rerun": client.rerun_sessions}[arguments.verb]
        return report(arguments, do(arguments.session_ids, reason=arguments.reason))


def send_message(arguments: Namespace) -> int:
    """Message sessions."""
    how = {"level": arguments.level, "lasting_s": arguments.lasting_s, "reason": arguments.reason}
    with connect(arguments) as client:
        return report(arguments, client.message_sessions(arguments.text, arguments.session_ids or None, **how))


def list_notices(arguments: Namespace) -> None:
    """Print the messages that last."""
    with connect(arguments) as client:
        lasting = client.notices()
    rows = [(one.notice_id, one.level, one.text, one.by, moment(one.until)) for one in lasting]
    show(arguments, lasting, table(("notice", "level", "text", "by", "until"), rows))


def withdraw_notice(arguments: Namespace) -> None:
    """Take a lasting message back."""
    with connect(arguments) as client:
        client.withdraw_notice(arguments.notice_id, reason=arguments.reason)
    show(arguments, {"withdrawn": arguments.notice_id}, ["withdrawn"])
