"""``tasks list | groups | over-time | show | cancel | retry``; alone it lists."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace, _SubParsersAction

from octostar_runtime.cli.service import connect, moment, report, seconds, show, table
from octostar_runtime.client import Client, Outcomes
from octostar_runtime.errors import InvalidInput
from octostar_runtime.models.groups import RunGroup, RunGroups
from octostar_runtime.query.durations import parse_duration


def add_to(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Add the commands."""
    tasks = commands.add_parser("tasks", help="list, cancel and retry tasks")
    tasks.set_defaults(run=list_tasks, query=[], limit=50)
    group = tasks.add_subparsers()
    listing = group.add_parser("list", help="list tasks, newest first")
    listing.add_argument("query", nargs="*", help="search, e.g. state:failed name:report*")
    listing.add_argument("--limit", type=int, default=50)
    listing.set_defaults(run=list_tasks)
    grouped = group.add_parser("groups", help="count tasks by what they share: failures, waits, run times")
    grouped.add_argument("query", nargs="*", help="search, e.g. older:1h -state:live")
    grouped.add_argument("--by", choices=("name", "error", "user", "pool", "state"), default="name")
    grouped.add_argument("--limit", type=int, default=50)
    grouped.set_defaults(run=group_tasks)
    timed = group.add_parser("over-time", help="count tasks by when they were queued")
    timed.add_argument("query", nargs="*", help="search, e.g. name:report*")
    timed.add_argument("--back", type=_duration, default=86_400.0, help="how far to look back, e.g. 6h (default: 1d)")
    timed.add_argument("--step", type=_duration, help="how long a stretch is, e.g. 10m")
    timed.set_defaults(run=tasks_over_time)
    one = group.add_parser("show", help="everything known of one run")
    one.add_argument("run_id")
    one.set_defaults(run=show_task)
    for verb, act in (("cancel", cancel), ("retry", retry)):
        command = group.add_parser(verb, help=f"{verb} runs by id, or all that match with --matching")
        command.add_argument("run_ids", nargs="*", metavar="run_id")
        command.add_argument("--matching", metavar="QUERY", help="every run that this search finds")
        command.add_argument("--expected", type=int, help="how many that should be; refused when it differs")
        command.add_argument("--reason", default="", help="kept in the audit log")
        command.set_defaults(run=act)


def list_tasks(arguments: Namespace) -> None:
    """Print one page of runs."""
    with connect(arguments) as client:
        page = client.runs(" ".join(arguments.query), limit=arguments.limit)
    rows = [
        (r.run_id, r.state.value, r.name, r.user, r.pool, moment(r.queued_at), seconds(r.run_s)) for r in page.items
    ]
    lines = table(("run", "state", "name", "user", "pool", "queued", "took"), rows)
    show(arguments, page, [*lines, f"newest {len(page.items)} of {page.total}"])


def group_tasks(arguments: Namespace) -> None:
    """Print groups of runs."""
    with connect(arguments) as client:
        found = client.run_groups(" ".join(arguments.query), by=arguments.by, limit=arguments.limit)
    rows = [(group.key or "-", *_figures(group)) for group in found.groups]
    show(arguments, found, [*table((arguments.by, *_HEAD), rows), _extent(found)])


def tasks_over_time(arguments: Namespace) -> None:
    """Print how the runs queued in each stretch of time fared."""
    with connect(arguments) as client:
        found = client.run_buckets(" ".join(arguments.query), back_s=arguments.back, step_s=arguments.step)
    rows = [(moment(group.at), *_figures(group)) for group in found.groups]
    show(arguments, found, [*table(("queued from", *_HEAD), rows), _extent(found)])


_HEAD = ("runs", "live", "failed", "rate", "wait p50", "wait p95", "run p50", "run p95")


def _figures(group: RunGroup) -> tuple[object, ...]:
    rate = "" if group.failure_rate is None else f"{group.failure_rate:.1%}"
    times = (group.wait_p50_s, group.wait_p95_s, group.run_p50_s, group.run_p95_s)
    return group.count, group.live, group.failed, rate, *map(seconds, times)


def _extent(found: RunGroups) -> str:
    return f"over {'' if found.exact else 'the newest '}{found.of} tasks"


def _duration(text: str) -> float:
    found = parse_duration(text)
    if not found:
        raise ArgumentTypeError(f"{text!r} is no duration; write one like 30s, 5m, 2h or 1d")
    return found


def show_task(arguments: Namespace) -> None:
    """Print one run."""
    with connect(arguments) as client:
        run = client.run(arguments.run_id)
    lines = [f"{run.name}  {run.state.value}  {run.run_id}", f"queued {moment(run.queued_at)}"]
    lines += [f"{state.value:12} {moment(at)}" for state, at in run.timeline]
    lines += [text for text in (run.message, run.error, run.traceback) if text]
    show(arguments, run, lines)


def cancel(arguments: Namespace) -> int:
    """Cancel runs."""
    with connect(arguments) as client:
        return report(arguments, _act(client, arguments, "cancel"))


def retry(arguments: Namespace) -> int:
    """Retry runs."""
    with connect(arguments) as client:
        return report(arguments, _act(client, arguments, "retry"))


def _act(client: Client, arguments: Namespace, verb: str) -> Outcomes:
    if (arguments.matching is None) is (not arguments.run_ids):
        raise InvalidInput(f"name the runs to {verb}, or a search with --matching; not both")
    if arguments.matching is None:
        by_ids = client.cancel_runs if verb == "cancel" else client.retry_runs
        return by_ids(arguments.run_ids, reason=arguments.reason)
    if arguments.expected is None:
        raise InvalidInput("say with --expected how many runs that should be; `tasks list` tells")
    by_search = client.cancel_matching if verb == "cancel" else client.retry_matching
    return by_search(arguments.matching, arguments.expected, reason=arguments.reason)
