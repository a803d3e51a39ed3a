"""One session in a drawer: everything known of it, its tasks, and what may be done to it."""

from collections.abc import Callable

import streamlit as st

from octostar_runtime.errors import OctostarRuntimeError
from octostar_runtime.models.sessions import SessionRecord
from octostar_runtime.ui import actions, formats, words
from octostar_runtime.ui.components import blocks
from octostar_runtime.ui.components.markup import facts, link, moment, pill, since, text
from octostar_runtime.ui.console import Console
from octostar_runtime.ui.queries import sessions

#: Tasks listed in the drawer, the newest.
SHOWN = 8
#: A read, so viewers may; it costs the app's process a moment, so only when asked for.
_MEASURES = (
    "Adds up what its st.session_state holds. It only looks, so viewers may do it, too; "
    "a large state takes the app's process a moment."
)


def body(console: Console, ref: str, close: Callable[[], None]) -> None:
    """Draw the drawer; ``close`` forgets which session it shows."""
    session = sessions.one(console.snapshot, ref)
    if session is None:
        blocks.empty("This session is not kept any more", "Its tasks and events are still in the history.")
        return
    blocks.markup(_facts(console, session))
    _tasks(console, session)
    if session.state.value != "ended":
        _actions(console, session, close)


def _facts(console: Console, session: SessionRecord) -> str:
    session = console.eyes.session(session)
    who = text(formats.person(session.user, observer=session.observer))
    if session.user:
        who = link(session.user, console.links.to("sessions", who="all", user=session.user))
    return facts(
        ("User", who),
        ("State", pill(words.word(words.SESSION, session.state))),
        *_life(session, console.source.now()),
        ("Page", text(sessions.page_shown(session, console.titles))),
        ("Last touched", moment(session.last_interaction_at)),
        ("Last script run", moment(session.last_run_at)),
        ("It took", "it runs now" if session.running else formats.duration(session.last_run_s)),
        ("Reconnects", formats.number(session.reconnects)),
        ("Received", formats.size(session.bytes_in)),
        ("Sent", formats.size(session.bytes_out)),
        ("Address", text(session.remote_address)),
        ("Browser", text(session.browser)),
        ("Session", f'<span class="oc-mono">{text(formats.session_name(session.session_id))}…</span>'),
    )


def _life(session: SessionRecord, now: float) -> tuple[tuple[str, str], ...]:
    """Return how it is with the connection, or how it ended."""
    if session.ended_at is not None:
        lasted = formats.whole_duration(session.ended_at - session.connected_at)
        why = words.plain(words.ENDED_BECAUSE, session.end_reason)
        return (("Ended", moment(session.ended_at)), ("Because", text(why)), ("It lasted", text(lasted)))
    return (
        ("Heartbeat", pill(words.word(words.LIFE, session.life))),
        ("Last sign", moment(session.last_seen_at)),
        ("Connected for", since(session.connected_at, now)),
    )


def _tasks(console: Console, session: SessionRecord) -> None:
    mine = [run for run in console.snapshot.runs if run.session_id == session.session_id]
    blocks.heading("Its tasks", f"among {sessions.tasks_looked_at(console.snapshot)}")
    if not mine:
        blocks.empty("No tasks", "Background tasks started by this tab would be here.")
        return
    cost = sessions.cost_of(mine)
    blocks.markup(
        facts(
            ("Tasks", formats.number(cost.tasks)),
            ("At work", formats.number(cost.live)),
            ("Failed", formats.number(cost.failed)),
            ("CPU time", formats.duration(cost.cpu_s)),
            ("Waited (median)", formats.duration(cost.wait_s)),
        )
    )
    ref = formats.session_ref(session.session_id)
    blocks.links([("All its tasks", console.links.to("tasks", q=f"session:{ref}"))])
    runs = mine[:SHOWN]
    blocks.lines(
        [
            blocks.Line(
                mark=pill(words.word(words.RUN, run.state)),
                body=link(run.name, console.links.to("run", id=run.run_id)),
                at=run.queued_at,
            )
            for run in runs
        ]
    )


def _actions(console: Console, session: SessionRecord, close: Callable[[], None]) -> None:
    ids, off = [session.session_id], bool(console.locked)
    if console.locked:
        blocks.note(console.locked, "warn")
    with st.container(horizontal=True):
        for label, key, make in (
            ("End session", "end", actions.end_sessions),
            ("Rerun its page", "rerun", actions.rerun_sessions),
            ("Stop its script", "stop", actions.stop_scripts),
        ):
            if st.button(label, key=f"oc_drawer_{key}", disabled=off):
                close()
                actions.ask(make(ids))
        if st.button("Send a message", key="oc_drawer_message", disabled=off):
            close()
            actions.ask(actions.message_sessions(ids, 1))
        if st.button("Measure memory", key="oc_drawer_memory", help=_MEASURES):
            try:
                held = console.source.operations.session_memory(session.session_id, by=console.principal)
                blocks.note(f"Its state holds about {formats.size(held)}")
            except OctostarRuntimeError as error:
                blocks.note(str(error), "bad")
