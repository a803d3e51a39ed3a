"""What-if: replay the recorded sessions and tasks with another quiet time, and choose the number by what it costs."""

from typing import Any

import streamlit as st

from octostar_runtime.errors import OctostarRuntimeError
from octostar_runtime.idle.desk import DOCUMENT
from octostar_runtime.idle.policy import Policy, parse_policy
from octostar_runtime.idle.whatif import History, Outcome, Replay, ReplayedService, history_of
from octostar_runtime.models.access import Principal
from octostar_runtime.models.services import ServiceRecord
from octostar_runtime.operations import Operations
from octostar_runtime.ui import actions, formats
from octostar_runtime.ui.components import blocks
from octostar_runtime.ui.components.timelines import tradeoff
from octostar_runtime.ui.console import Console
from octostar_runtime.ui.queries.policy import in_words

DAY_S = 86_400.0
#: Quiet times that are tried, in seconds.
CHOICES = (60, 120, 300, 600, 900, 1200, 1800, 2700, 3600, 7200, 14_400)
#: Memory that a stopped service is taken to give back, and the seconds it needs to start, unless told.
MEMORY_MB, START_S = 250, 5


def draw(console: Console) -> None:
    """Draw the tab."""
    services = [service for service in console.snapshot.services if service.kind != "container"]
    if not services:
        blocks.empty("No services yet", "Once there are some, their quiet time can be tried on the recorded history.")
        return
    left, middle, right, last = st.columns(4)
    name = left.selectbox("Service", [service.name for service in services], key="oc_whatif_service")
    days = middle.selectbox("Over the last", [1, 7, 14], index=1, key="oc_whatif_days", format_func=_days)
    memory_mb = right.number_input("Memory it gives back, MB", 1, 1_000_000, value=MEMORY_MB, key="oc_whatif_memory")
    start_s = last.number_input("Seconds to start", 0, 600, value=START_S, key="oc_whatif_start")
    service = next(service for service in services if service.name == name)
    try:
        history = _history(console, float(days) * DAY_S)
        policy, version = _policy(console)
    except OctostarRuntimeError as error:
        blocks.note(str(error), "bad")
        return
    if not history.stays:
        blocks.empty("No sessions were recorded in that time", "Come back when people have used the app.")
        return
    replayed = ReplayedService(
        name=service.name, kind=service.kind, start_s=float(start_s), memory_bytes=int(memory_mb) * 2**20
    )
    swept = Replay(history).sweep(policy, replayed, CHOICES)
    _chosen(console, service, swept, policy, version)


def _days(days: int) -> str:
    return formats.plural(days, "day")


def _policy(console: Console) -> tuple[Policy, int]:
    stored = console.source.documents.load(DOCUMENT)
    return (Policy(), 0) if stored is None else (parse_policy(stored[0]), stored[1])


def _history(console: Console, window_s: float) -> History:
    end = console.source.now()
    stays: list[dict[str, float | bool]] = [
        {
            "start": session.connected_at,
            "end": session.ended_at or session.disconnected_at or end,
            "observer": session.observer,
        }
        for session in console.source.sessions_between(end - window_s, end)
    ]
    page = console.source.find_runs("", limit=10_000, offset=0, sort="-queued_at")
    works = [(run.queued_at, run.ended_at or end, run.pool) for run in page.runs]
    return history_of(stays, works, start=end - window_s, end=end)


def _chosen(
    console: Console,
    service: ServiceRecord,
    swept: tuple[tuple[float, Outcome], ...],
    policy: Policy,
    version: int,
) -> None:
    now = service.idle_after_s or CHOICES[2]
    nearest = min(CHOICES, key=lambda choice: abs(choice - now))
    picked = st.select_slider(
        "Stop it after it was quiet for", CHOICES, value=nearest, key=f"oc_whatif_{service.name}", format_func=in_words
    )
    outcome = dict(swept)[picked]
    blocks.tiles(_tiles(outcome))
    tradeoff(
        [(in_words(seconds), one.hours_stopped, one.people_who_waited) for seconds, one in swept],
        in_words(picked),
        key="oc_whatif_chart",
    )
    off = bool(console.locked) or picked == service.idle_after_s
    if st.button(f"Use {in_words(picked)} for {service.name}", key="oc_whatif_use", type="primary", disabled=off):
        actions.ask(_use(service.name, picked, policy, version))


def _tiles(outcome: Outcome) -> list[blocks.Tile]:
    longest = max(outcome.waits_s, default=0.0)
    hit = outcome.stops_that_hit_work
    return [
        blocks.Tile(
            label="Stopped for",
            value=f"{outcome.hours_stopped:.1f} h",
            note=f"of {outcome.hours:.0f} h",
        ),
        blocks.Tile(label="Memory saved", value=f"{outcome.gib_hours_saved:.1f} GB h", note="gigabytes times hours"),
        blocks.Tile(label="Starts", value=formats.number(outcome.wakes), note=formats.plural(outcome.stops, "stop")),
        blocks.Tile(
            label="People who waited",
            value=formats.number(outcome.people_who_waited),
            note=f"{formats.duration(longest)} at most" if outcome.waits_s else "nobody",
            tone="warn" if outcome.people_who_waited else "",
        ),
        blocks.Tile(label="Stops that hit work", value=str(hit), note="must be none", tone="bad" if hit else ""),
    ]


def _use(name: str, seconds: float, policy: Policy, version: int) -> actions.Request:
    document: dict[str, Any] = policy.document()
    services = {**document["services"]}
    services[name] = {**services.get(name, {}), "idle_after": seconds}

    def deed(operations: Operations, by: Principal, answers: actions.Answers) -> str:
        saved = operations.save_policy({**document, "services": services}, version, by=by, reason=answers.reason)
        return f"Version {saved} of the policy is saved"

    return actions.Request(
        title=f"Stop {name} after {in_words(seconds)} of quiet?",
        sentence="This saves a new version of the policy. It takes effect at the next look.",
        button="Save",
        deed=deed,
    )
