"""What-if: replay the recorded sessions and tasks with other numbers, and choose them by what they cost."""

from dataclasses import replace

import streamlit as st

from octostar_runtime.errors import OctostarRuntimeError, VersionConflict
from octostar_runtime.idle.desk import DOCUMENT
from octostar_runtime.idle.policy import Policy, parse_policy
from octostar_runtime.idle.whatif import Replay, ReplayedService
from octostar_runtime.models.services import ServiceRecord
from octostar_runtime.ui import actions, formats
from octostar_runtime.ui.components import blocks
from octostar_runtime.ui.components.timelines import tradeoff
from octostar_runtime.ui.console import Console
from octostar_runtime.ui.queries import whatif
from octostar_runtime.ui.queries.policy import in_words

DAY_S = 86_400.0


def draw(console: Console) -> None:
    """Draw the tab."""
    services = [service for service in console.snapshot.services if service.kind != "container"]
    if not services:
        blocks.empty("No services yet", "Once there are some, their quiet time can be tried on the recorded history.")
        return
    names = [service.name for service in services]
    left, middle, right, last = st.columns(4)
    usual = names.index("ui") if "ui" in names else 0
    name = left.selectbox("Service", names, index=usual, key="oc_whatif_service")
    days = middle.selectbox("Over the last", [1, 7, 14, 30], index=1, key="oc_whatif_days", format_func=_days)
    service = next(service for service in services if service.name == name)
    try:
        usage = console.source.usage(float(days) * DAY_S)
        known = console.source.replayed(service)
        policy, version = _policy(console)
    except OctostarRuntimeError as error:
        blocks.note(str(error), "bad")
        return
    memory_mb = right.number_input(
        "Memory it gives back, MB", 0, 1_000_000, value=round(known.memory_bytes / 2**20), key=f"oc_whatif_mb_{name}"
    )
    start_s = last.number_input(
        "Seconds to start", 0.0, 600.0, value=round(known.start_s, 1), step=0.5, key=f"oc_whatif_start_{name}"
    )
    if not usage.complete:
        blocks.note("More was recorded than is replayed: the newest 100,000 sessions and tasks count.", "warn")
    if not usage.history.stays:
        blocks.empty("No sessions were recorded in that time", "Come back when people have used the app.")
        return
    given = replace(known, start_s=float(start_s), memory_bytes=int(memory_mb) * 2**20)
    _choose(console, service, Replay(usage.history), given, policy, version)


def _days(days: int) -> str:
    return formats.plural(days, "day")


def _policy(console: Console) -> tuple[Policy, int]:
    stored = console.source.documents.load(DOCUMENT)
    return (Policy(), 0) if stored is None else (parse_policy(stored[0]), stored[1])


def _choose(
    console: Console, service: ServiceRecord, replay: Replay, given: ReplayedService, policy: Policy, version: int
) -> None:
    """Two sliders, what they would have done, the chart they move on, and the button that applies them."""
    rules = policy.for_service(service.name, service.kind)
    name, choices = service.name, whatif.with_current(whatif.CHOICES, rules.idle_after_s)
    left, right = st.columns([2, 1])
    idle_after_s = left.select_slider(
        "Stop it after it was quiet for",
        choices,
        value=rules.idle_after_s if rules.idle_after_s is not None else 600.0,
        key=f"oc_whatif_{name}",
        format_func=in_words,
    )
    min_uptime_s = right.select_slider(
        "Keep it up at least",
        whatif.with_current(whatif.UPTIMES, rules.min_uptime_s),
        value=rules.min_uptime_s,
        key=f"oc_whatif_up_{name}",
        format_func=in_words,
    )
    document = whatif.changed(policy, name, idle_after_s=idle_after_s, min_uptime_s=min_uptime_s)
    tried = parse_policy({**document, "mode": "enforce"})
    swept = replay.sweep(tried, given, choices)
    blocks.tiles(whatif.tiles(dict(swept)[idle_after_s]))
    tradeoff(
        [(in_words(seconds), one.hours_stopped, one.people_who_waited) for seconds, one in swept],
        in_words(idle_after_s),
        key="oc_whatif_chart",
    )
    same = (idle_after_s, min_uptime_s) == (rules.idle_after_s, rules.min_uptime_s)
    told = console.locked or ("This is what is in force." if same else None)
    if st.button(
        f"Use {in_words(idle_after_s)} for {name}", key="oc_whatif_use", type="primary", disabled=bool(told), help=told
    ):
        _apply(console, document, version)


def _apply(console: Console, document: dict[str, object], version: int) -> None:
    """One click; it is one more version of the policy, which the Policy tab can change back."""
    try:
        saved = console.source.operations.save_policy(
            document, version, by=console.principal, reason="chosen on the What if page"
        )
    except VersionConflict as error:
        blocks.note(f"Somebody saved version {error.current} first. Look at it and choose again.", "bad")
        return
    except OctostarRuntimeError as error:
        blocks.note(str(error), "bad")
        return
    actions.tell(f"Version {saved} is saved and takes effect at the next look")
    st.rerun()
