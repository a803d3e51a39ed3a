"""One task, at a stable address: state, progress, timeline, error, log, and what may be done about it."""

import streamlit as st

from octostar_runtime.errors import OctostarRuntimeError, TaskNotFound
from octostar_runtime.models.runs import RunRecord
from octostar_runtime.ui import actions, formats, frame
from octostar_runtime.ui.components import blocks
from octostar_runtime.ui.components.markup import copyable, facts, link, moment, pill, since, text
from octostar_runtime.ui.console import Console
from octostar_runtime.ui.queries import run as queries
from octostar_runtime.ui.queries import tasks

_STACK = "octostar_stack"


def draw(console: Console) -> None:
    """Draw the page."""
    run_id = st.query_params.get("id", "")
    frame.page(console, "Task", "One run, from queue to end", lambda: _body(console, run_id))


def _body(console: Console, run_id: str) -> None:
    if not run_id:
        blocks.empty("No task chosen", "Open one from the list of tasks.")
        return
    try:
        run = console.eyes.run(console.source.run_detail(run_id, console.principal))
    except TaskNotFound:
        blocks.empty("This task is not kept any more", "Ended tasks are kept for a while, as the settings say.")
        return
    except OctostarRuntimeError as error:
        blocks.note(str(error), "bad")
        return
    _head(console, run)
    _actions(console, run)
    _error(run)
    _facts(console, run)
    _timeline(run)
    _stack(console, run)
    _log(run)


def _head(console: Console, run: RunRecord) -> None:
    ticking = ""
    if not run.terminal and run.started_at is not None:
        ticking = f' <span class="oc-dim">for {since(run.started_at, console.source.now())}</span>'
    blocks.markup(
        f'<h2 class="oc-title">{text(run.name)}</h2><div>{pill(queries.state_word(run))}{ticking} '
        f'<span class="oc-dim">· run {copyable(formats.short_id(run.run_id), run.run_id)}</span></div>'
    )
    if run.progress is not None and not run.terminal:
        done = f"{run.progress:.0%}".replace("%", " %")
        amount = f" · {run.done:g} of {run.total:g}" if run.done is not None and run.total is not None else ""
        said = f" · {run.message}" if run.message else ""
        st.progress(min(max(run.progress, 0.0), 1.0), text=f"{done}{amount}{said}")
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
    off, why = bool(console.locked), console.locked or None
    offered = tasks.offered(run)
    with st.container(horizontal=True, key="oc_run_actions"):
        if "cancel" in offered and st.button("Cancel", key="oc_cancel", disabled=off, help=why):
            actions.ask(actions.cancel_runs([run.run_id], run.name))
        stuck = "hard_stop" in offered
        if stuck and st.button("Hard stop", key="oc_hard_stop", type="primary", disabled=off, help=why):
            actions.ask(actions.hard_stop_run(run.run_id, run.name))
        if run.terminal:
            cannot = run.not_retriable_because or "Its function is not known here any more."
            told = why or (None if run.retriable else cannot)
            if st.button("Retry", key="oc_retry", disabled=off or not run.retriable, help=told):
                actions.ask(actions.retry_runs([run.run_id], run.name))
        elif run.started_at is not None and st.button("Show its stack", key="oc_stack", icon=":material/layers:"):
            st.session_state[_STACK] = (run.run_id, _read_stack(console, run))


def _read_stack(console: Console, run: RunRecord) -> str:
    try:
        return console.source.operations.run_stack(run.run_id, by=console.principal)
    except OctostarRuntimeError as error:
        return str(error)


def _stack(console: Console, run: RunRecord) -> None:
    shown = st.session_state.get(_STACK)
    if shown is None or shown[0] != run.run_id or run.terminal:
        return
    blocks.heading("Where it is now", "a look at its thread, taken when asked")
    st.code(shown[1] or "It is not running at the moment.", language=None)


def _error(run: RunRecord) -> None:
    said = queries.as_text(run)
    if not said:
        return
    summary = ": ".join(part for part in (run.error_type, run.error) if part)
    blocks.note(summary or "It failed", "bad")
    if run.traceback:
        blocks.heading("Traceback", "")
        st.code(run.traceback, language="python")


def _facts(console: Console, run: RunRecord) -> None:
    names = {node.node_id: f"{node.name}, process {node.pid}" for node in console.snapshot.nodes}
    pairs = [(name, text(value)) for name, value in queries.plain_facts(run, names.get(run.node_id, run.node_id))]
    if run.user:
        seen = console.eyes.sees(run.user)
        href = console.links.to("sessions", who="all", user=run.user)
        pairs.insert(0, ("User", link(run.user, href) if seen else text(run.user)))
    if run.session_id:
        href = console.links.to("sessions", who="all", q=formats.session_ref(run.session_id))
        pairs.insert(1, ("Session", link(formats.session_name(run.session_id), href)))
    pairs += [("Queued", moment(run.queued_at)), ("Started", moment(run.started_at)), ("Ended", moment(run.ended_at))]
    blocks.heading("About", "")
    blocks.markup(facts(*pairs), "oc oc-card")
    if run.arguments:
        blocks.heading("Arguments", "secrets are not shown")
        st.code(run.arguments, language="python")


def _timeline(run: RunRecord) -> None:
    steps = queries.steps(run)
    if not steps:
        return
    blocks.heading("How it went", "")
    body = "".join(pill(step.word) + (f"<i>{text(step.lasted)}</i>" if step.lasted else "") for step in steps)
    blocks.markup(body, "oc oc-steps")


def _log(run: RunRecord) -> None:
    blocks.heading("Log", f"{run.logs_dropped:,} older lines were dropped" if run.logs_dropped else "")
    lines = queries.log_lines(run)
    if not lines:
        blocks.empty("It has logged nothing", "What the task logs, and warnings it raises, show here.")
        return
    tones = {"warning": "warn", "error": "bad", "critical": "bad"}
    body = "".join(
        f'<div class="{tones.get(level, "")}"><span class="oc-dim">{at}</span> {text(level)} {text(said)}</div>'
        for at, level, said in lines
    )
    blocks.markup(body, "oc oc-card oc-log")
