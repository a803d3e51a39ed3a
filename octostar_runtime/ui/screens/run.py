"""One task, at a stable address: state, progress, timeline, error, log, and what may be done about it."""

import streamlit as st

from octostar_runtime.errors import OctostarRuntimeError, TaskNotFound
from octostar_runtime.models.runs import RunRecord
from octostar_runtime.ui import actions, formats, frame
from octostar_runtime.ui.components import blocks
from octostar_runtime.ui.components.markup import copyable, facts, link, moment, pill, since, text
from octostar_runtime.ui.console import Console
from octostar_runtime.ui.queries import nodes, tasks
from octostar_runtime.ui.queries import run as queries

_STACK = "octostar_stack"


def draw(console: Console) -> None:
    """Draw the page."""
    run_id = st.query_params.get("id", "")
    frame.page(
        console,
        frame.Screen(
            title="Task",
            subtitle="One run, from queue to end",
            body=lambda: _body(console, run_id),
            pressed=lambda name, _: _pressed(console, run_id, name),
        ),
    )


def _body(console: Console, run_id: str) -> None:
    run = _found(console, run_id)
    if run is None:
        return
    _head(console, run)
    _actions(console, run)
    _error(run)
    _facts(console, run)
    _timeline(run)
    _stack(run)
    _log(run)


def _found(console: Console, run_id: str) -> RunRecord | None:
    """Return the run as this viewer may see it; says why when there is none."""
    if not run_id:
        blocks.empty("No task chosen", "Open one from the list of tasks.")
        return None
    try:
        return console.eyes.run(console.source.run_detail(run_id, console.principal))
    except TaskNotFound:
        blocks.empty("This task is not kept any more", "Ended tasks are kept for a while, as the settings say.")
    except OctostarRuntimeError as error:
        blocks.note(str(error), "bad")
    return None


def _head(console: Console, run: RunRecord) -> None:
    entered = queries.there_since(run)
    ticking = "" if entered is None else f' <span class="oc-dim">for {since(entered, console.source.now())}</span>'
    blocks.markup(
        f'<h2 class="oc-title">{text(run.name)}</h2><div>{pill(queries.state_word(run))}{ticking} '
        f'<span class="oc-dim">· run {copyable(formats.short_id(run.run_id), run.run_id)}</span></div>'
    )
    if run.progress is not None and not run.terminal:
        amount = f" · {run.done:g} of {run.total:g}" if run.done is not None and run.total is not None else ""
        said = f" · {run.message}" if run.message else ""
        blocks.progress(run.progress, f"{formats.percent(run.progress)}{amount}{said}")
    elif run.message and not run.terminal:
        blocks.markup(text(run.message), "oc oc-dim")
    if story := queries.cancel_story(run):
        blocks.note(story, "warn" if not run.terminal else "")
    if run.orphaned:
        blocks.note("Even the hard stop did not end it. Its worker was replaced; the old thread may still run.", "bad")
    if run.superseded_by:
        newer = link("The newer one", console.links.to("run", id=run.superseded_by))
        blocks.markup(f"A newer submission took its place. {newer}")
    if run.retry_of:
        blocks.markup(f"Run again from {link('an earlier one', console.links.to('run', id=run.retry_of))}.")


def _actions(console: Console, run: RunRecord) -> None:
    off, offered = console.locked, _offered(console, run)
    items = []
    if "cancel" in offered:
        items.append(blocks.Button(name="cancel", label="Cancel", off=off))
    if "hard_stop" in offered:
        items.append(blocks.Button(name="hard_stop", label="Hard stop", off=off, main=True))
    if run.terminal:
        cannot = "" if "retry" in offered else run.not_retriable_because or "Its function is not known here any more."
        items.append(blocks.Button(name="retry", label="Retry", off=off or cannot))
    elif run.started_at is not None:
        items.append(blocks.Button(name="stack", label="Show its stack"))
    blocks.buttons(items)


def _offered(console: Console, run: RunRecord) -> tuple[str, ...]:
    return tasks.offered(run, owner_alive=run.node_id in nodes.alive(console.snapshot))


def _pressed(console: Console, run_id: str, name: str) -> None:
    """Act on a button; the run is looked up anew, the browser is not believed."""
    run = _found(console, run_id)
    if run is None:
        return
    offered = _offered(console, run)
    if name == "stack":
        st.session_state[_STACK] = (run.run_id, _read_stack(console, run))
    elif name == "cancel" and name in offered:
        actions.ask(actions.cancel_runs([run.run_id], run.name))
    elif name == "hard_stop" and name in offered:
        actions.ask(actions.hard_stop_run(run.run_id, run.name))
    elif name == "retry" and name in offered:
        actions.ask(actions.retry_runs([run.run_id], run.name))


def _read_stack(console: Console, run: RunRecord) -> str:
    try:
        return console.source.operations.run_stack(run.run_id, by=console.principal)
    except OctostarRuntimeError as error:
        return str(error)


def _stack(run: RunRecord) -> None:
    shown = st.session_state.get(_STACK)
    if shown is None or shown[0] != run.run_id or run.terminal:
        return
    blocks.heading("Where it is now", "a look at its thread, taken when asked")
    blocks.code(shown[1] or "It is not running at the moment.", "Stack")


def _error(run: RunRecord) -> None:
    if not queries.as_text(run):
        return
    summary = ": ".join(part for part in (run.error_type, run.error) if part)
    blocks.note(summary or "It failed", "bad")
    if run.traceback:
        blocks.heading("Traceback", "")
        blocks.code(run.traceback, "Traceback")


def _facts(console: Console, run: RunRecord) -> None:
    names = {node.node_id: f"{node.name}, process {node.pid}" for node in console.snapshot.nodes}
    pairs = [(name, text(value)) for name, value in queries.plain_facts(run, names.get(run.node_id, run.node_id))]
    if run.user:
        pairs.insert(0, ("User", link(run.user, console.links.to("sessions", who="all", user=run.user))))
    if run.session_id:
        href = console.links.to("sessions", who="all", open=formats.session_ref(run.session_id))
        pairs.insert(1, ("Session", link(formats.session_name(run.session_id), href)))
    moments = (("Queued", run.queued_at), ("Started", run.started_at), ("Ended", run.ended_at))
    pairs += [(name, moment(at)) for name, at in moments if at is not None]
    blocks.heading("About", "")
    blocks.markup(facts(*pairs), "oc oc-card")
    if run.arguments:
        blocks.heading("Arguments", "secrets are not shown")
        blocks.code(run.arguments, "Arguments")


def _timeline(run: RunRecord) -> None:
    steps = queries.steps(run)
    if not steps:
        return
    blocks.heading("How it went", "")
    body = "".join(
        f'{pill(step.word)}<span class="oc-dim">{moment(step.at, clock=True)}</span>'
        + (f"<i>{text(step.lasted)}</i>" if step.lasted else "")
        for step in steps
    )
    blocks.markup(body, "oc oc-steps")


def _log(run: RunRecord) -> None:
    blocks.heading("Log", f"{run.logs_dropped:,} older lines were dropped" if run.logs_dropped else "")
    lines = queries.log_lines(run)
    if not lines:
        blocks.empty("It has logged nothing", "What the task logs, and warnings it raises, show here.")
        return
    tones = {"warning": "warn", "error": "bad", "critical": "bad"}
    body = "".join(
        f'<div class="{tones.get(level, "")}"><span class="oc-dim">{moment(at, clock=True)}</span> '
        f"{text(level)} {text(said)}</div>"
        for at, level, said in lines
    )
    blocks.markup(body, "oc oc-card oc-log")
