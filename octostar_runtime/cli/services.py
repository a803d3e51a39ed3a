"""``services list | stop | start | wake | log | hold | release``; alone it lists."""

from argparse import ArgumentParser, Namespace, _SubParsersAction

from octostar_runtime.cli.service import connect, moment, show, table
from octostar_runtime.client import Hold


def add_to(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Add the commands."""
    services = commands.add_parser("services", help="list, stop, start and wake services, and keep them awake")
    services.set_defaults(run=list_services)
    group = services.add_subparsers()
    group.add_parser("list", help="list services and what keeps them up").set_defaults(run=list_services)
    for verb in ("stop", "start"):
        command = group.add_parser(verb, help=f"{verb} a service now")
        command.add_argument("name")
        command.add_argument("--reason", default="", help="kept in the audit log")
        command.set_defaults(run=act, verb=verb)
        if verb == "stop":
            command.add_argument("--force", action="store_true", help="although somebody uses it")
    log = group.add_parser("log", help="print the newest lines of a service's log")
    log.add_argument("name")
    log.add_argument("--lines", type=int, default=500, help="at most 500")
    log.set_defaults(run=print_log)
    wake = group.add_parser("wake", help="start a service and wait until it is ready")
    wake.add_argument("name")
    wake.add_argument("--wait", type=float, default=30.0, metavar="SECONDS")
    wake.set_defaults(run=wake_service)
    hold = group.add_parser("hold", help="keep everything awake for a while")
    hold.add_argument("reason")
    hold.add_argument("--minutes", type=float, default=60.0)
    hold.set_defaults(run=keep_awake)
    release = group.add_parser("release", help="end a keep-awake")
    release.add_argument("hold_id")
    release.set_defaults(run=end_hold)


def list_services(arguments: Namespace) -> None:
    """Print services and keep-awakes."""
    with connect(arguments) as client:
        services, holds = client.services(limit=500).items, client.holds()
    rows = [
        (s.name, s.kind, s.state.value, moment(s.since), moment(s.stops_at), ", ".join(b.kind for b in s.blockers))
        for s in services
    ]
    lines = table(("service", "kind", "state", "since", "stops at", "kept up by"), rows)
    if holds:
        lines += ["", *table(("hold", "owner", "reason", "until"), [_hold_row(hold) for hold in holds])]
    show(arguments, {"services": services, "holds": holds}, lines)


def _hold_row(hold: Hold) -> tuple[str, ...]:
    return hold.hold_id, hold.owner, hold.reason, moment(hold.expires_at)


def act(arguments: Namespace) -> None:
    """Stop or start a service."""
    with connect(arguments) as client:
        if arguments.verb == "stop":
            client.stop_service(arguments.name, reason=arguments.reason, force=arguments.force)
        else:
            client.start_service(arguments.name, reason=arguments.reason)


def print_log(arguments: Namespace) -> None:
    """Print the end of a log."""
    with connect(arguments) as client:
        log = client.service_log(arguments.name, lines=arguments.lines)
    show(arguments, {"service": arguments.name, "log": log}, log.splitlines())


def wake_service(arguments: Namespace) -> int:
    """Wake a service; 1 when it is not ready in time."""
    with connect(arguments) as client:
        service = client.wake_service(arguments.name, wait_s=arguments.wait)
    show(arguments, service, [f"{service.name} is {service.state.value}"])
    return 0 if service.state.value in ("ready", "idle", "warned") else 1


def keep_awake(arguments: Namespace) -> None:
    """Take a hold."""
    with connect(arguments) as client:
        hold_id = client.hold(arguments.reason, arguments.minutes * 60)
    show(arguments, {"hold_id": hold_id}, [hold_id])


def end_hold(arguments: Namespace) -> None:
    """Release a hold."""
    with connect(arguments) as client:
        client.release_hold(arguments.hold_id)
