"""Idle shutdown: what state each service is in, what keeps it up, when it stops, and the policy behind it."""

from collections.abc import Callable

import streamlit as st

from octostar_runtime.errors import OctostarRuntimeError
from octostar_runtime.ui import actions, frame, words
from octostar_runtime.ui.components import blocks
from octostar_runtime.ui.components.markup import facts, moment, pill, since, text, until
from octostar_runtime.ui.console import Console
from octostar_runtime.ui.queries import history, services
from octostar_runtime.ui.screens import policy, whatif

#: Holds and events listed on the page.
HOLDS, LATELY = 10, 12
_TABS = {"": "Services", "policy": "Policy", "whatif": "What if", "log": "Logs"}


def draw(console: Console) -> None:
    """Draw the page."""
    tab = st.query_params.get("tab", "")
    body = {"policy": policy.draw, "whatif": whatif.draw, "log": _log}.get(tab)
    frame.page(
        console,
        frame.Screen(
            title="Idle shutdown",
            subtitle="Services stop when nobody needs them",
            top=lambda: _top(console, tab, body),
            body=(lambda: None) if body else lambda: _services(console),
            pressed=lambda name, target: _pressed(console, name, target),
            live=body is None,
        ),
    )


def _top(console: Console, tab: str, body: Callable[[Console], None] | None) -> None:
    items = [
        blocks.Tab(label=title, href=console.links.to("idle", tab=key), current=key == tab)
        for key, title in _TABS.items()
    ]
    blocks.tabs(items)
    if body is not None:
        body(console)


def _pressed(console: Console, name: str, target: str) -> None:
    """Act on a button of a card; what it names is looked up anew, the browser is not believed."""
    service = next((one for one in services.service_views(console.snapshot.services) if one.name == target), None)
    if name == "hold":
        actions.ask(actions.hold(4))
    elif name == "release":
        held = next((hold for hold in console.source.holds() if hold.hold_id == target), None)
        if held is not None:
            actions.ask(actions.release_hold(held.hold_id, console.eyes.person(held.owner) or "somebody"))
    elif service is not None and name == "start" and service.can_start:
        actions.ask(actions.start_service(service.name))
    elif service is not None and name == "stop" and service.can_stop:
        actions.ask(actions.stop_service(service.name, service.used_by))


def _services(console: Console) -> None:
    snapshot = console.snapshot
    mode = words.word(words.MODE, snapshot.policy_mode) if snapshot.policy_mode else None
    state = f"Policy {pill(mode)} version {snapshot.policy_version}" if mode else "No policy is in force yet"
    hold = blocks.button(blocks.Button(name="hold", label="Keep everything awake…", off=console.locked))
    blocks.markup(f'<span class="oc-dim">{state}</span><span class="oc-buttons">{hold}</span>', "oc oc-cardhead")
    _holds(console)
    views = services.service_views(snapshot.services, snapshot.policy_mode)
    if not views:
        blocks.empty("No services yet", "Task pools, caches, programs and what an app registers would be cards here.")
    for view in views:
        blocks.markup(_card(console, view), "oc oc-card")
    _lately(console)


def _holds(console: Console) -> None:
    """What keeps everything awake by somebody's wish, each with a button to end it."""
    held = console.source.holds()
    if not held:
        return
    now = console.source.now()
    lines = []
    for hold in held[:HOLDS]:
        release = blocks.Button(name="release", label="Release", target=hold.hold_id, off=console.locked)
        said = f"<b>{text(console.eyes.person(hold.owner) or 'somebody')}</b> {text(hold.reason)}"
        lines.append(
            f'<div>{pill(words.Word("Kept awake", "run"))}<span class="oc-grow">{said}</span>'
            f'<span class="oc-dim">for another {until(hold.expires_at, now)}</span>{blocks.button(release)}</div>'
        )
    if len(held) > HOLDS:
        lines.append(f'<div class="oc-dim">and {len(held) - HOLDS} more</div>')
    blocks.markup("".join(lines), "oc oc-list")


def _lately(console: Console) -> None:
    """The newest transitions, wakes and refused stops."""
    blocks.heading("Lately", "stops, wakes and what kept services up")
    try:
        events = console.source.find_events(kind="service.", limit=LATELY)
    except OctostarRuntimeError as error:
        blocks.note(str(error), "bad")
        return
    if not events:
        blocks.empty("Nothing has happened yet", "Every stop, every wake and every refused stop is listed here.")
        return
    blocks.lines(history.lines(events, console.links, console.eyes))
    blocks.links([("All of it", console.links.to("history", kind="service."))])


def _card(console: Console, view: services.ServiceView) -> str:
    now = console.source.now()
    parts = [_card_head(console, view, now)]
    if view.error:
        parts.append(f'<div class="oc-note bad">{text(view.error)}</div>')
    if view.stops_at is not None:
        parts.append(f'<div class="oc-note warn">{text(view.sentence)} <b>{until(view.stops_at, now)}</b></div>')
    elif view.sentence:
        parts.append(f'<div class="oc-dim">{text(view.sentence)}</div>')
    if view.blockers:
        parts.append(_blockers(console, view))
    parts.append(facts(*((name, text(value)) for name, value in view.facts)))
    return "".join(parts)


def _card_head(console: Console, view: services.ServiceView, now: float) -> str:
    offered = [("start", "Start now", view.can_start), ("stop", "Stop now", view.can_stop)]
    buttons = "".join(
        blocks.button(blocks.Button(name=name, label=label, target=view.name, off=console.locked))
        for name, label, there in offered
        if there
    )
    return (
        f'<div class="oc-cardhead"><b>{text(view.name)}</b><span class="oc-dim">{text(view.kind)}</span>'
        f'{pill(view.word)}<span class="oc-dim">for {since(view.since, now)}</span>'
        f'<span class="oc-buttons">{buttons}</span></div>'
    )


def _blockers(console: Console, view: services.ServiceView) -> str:
    lines = []
    for blocker in view.blockers:
        kind, label = services.blocker_text(blocker, console.eyes)
        mark = pill(words.Word(kind, "run"))
        lines.append(f'<div>{mark}<span class="oc-grow">{text(label)}</span>{moment(blocker.since)}</div>')
    if view.hidden_blockers:
        lines.append(f'<div class="oc-dim">and {view.hidden_blockers} more</div>')
    return f'<div class="oc-list">{"".join(lines)}</div>'


def _log(console: Console) -> None:
    names = [service.name for service in console.snapshot.services]
    if not names:
        blocks.empty("No services yet", "The newest lines of a service's log would be here.")
        return
    name = st.selectbox("Service", names, key="oc_log_of")
    try:
        said = console.source.operations.service_log(name, by=console.principal)
    except OctostarRuntimeError as error:
        blocks.note(str(error), "bad")
        return
    if said.strip():
        st.code(said, language=None, height=520)
    else:
        blocks.empty("Its log is empty", "The newest 500 lines it writes show here.")
