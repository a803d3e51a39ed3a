"""The task list grouped: by name, by error, or over time."""

import streamlit as st

from octostar_runtime.errors import OctostarRuntimeError
from octostar_runtime.models.groups import RunGroups
from octostar_runtime.ui.components import blocks
from octostar_runtime.ui.components.tableview import table
from octostar_runtime.ui.console import Console
from octostar_runtime.ui.queries import task_groups
from octostar_runtime.ui.queries.tasks import Wanted

_NONE = {
    "name": ("Nothing to group", "Groups appear once tasks have run."),
    "error": ("Nothing to group", "No task here has failed."),
    "time": ("Nothing was queued", "No task that matches was queued in this time."),
}


def draw(console: Console, wanted: Wanted, by: str) -> None:
    """Draw the groups of what is asked for."""
    try:
        if by == "time":
            _over_time(console, wanted)
        else:
            _by_key(console, wanted, by)
    except OctostarRuntimeError as error:
        blocks.note(str(error), "bad")


def _by_key(console: Console, wanted: Wanted, by: str) -> None:
    groups = console.source.group_runs(wanted.query, by=by)
    blocks.heading(f"Grouped {task_groups.TABS[by].lower()}", task_groups.extent(groups))
    table(task_groups.by_key(groups, by, console.links), key=f"oc_groups_{by}", none=_NONE[by])


def _over_time(console: Console, wanted: Wanted) -> None:
    chosen = st.query_params.get("span", "")
    span = task_groups.SPANS.get(chosen, task_groups.SPANS[""])
    groups = _ask(console, wanted, span)
    blocks.heading(span.title, task_groups.extent(groups))
    others = [
        (each.title, console.links.to("tasks", group="time", state=wanted.tab, q=wanted.text, span=name))
        for name, each in task_groups.SPANS.items()
        if each is not span
    ]
    blocks.links(others)
    table(task_groups.over_time(groups), key="oc_groups_time", none=_NONE["time"])


def _ask(console: Console, wanted: Wanted, span: task_groups.Span) -> RunGroups:
    """Ask for whole steps, so that the stretches stay the same from one refresh to the next."""
    until = (console.source.now() // span.step_s + 1) * span.step_s
    return console.source.bucket_runs(wanted.query, since=until - span.back_s, until=until, step_s=span.step_s)
