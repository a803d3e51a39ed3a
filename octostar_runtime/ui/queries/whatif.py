"""What-if: the policy with one service's numbers changed, and what replaying it says."""

from collections.abc import Sequence
from typing import Any

from octostar_runtime.idle.policy import Policy
from octostar_runtime.idle.whatif import Outcome
from octostar_runtime.ui import formats
from octostar_runtime.ui.components.blocks import Tile

#: Quiet times that are tried, in seconds, and minimum uptimes that may be chosen.
CHOICES = (60.0, 120.0, 300.0, 600.0, 900.0, 1200.0, 1800.0, 2700.0, 3600.0, 7200.0, 14_400.0)
UPTIMES = (0.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)


def with_current(choices: Sequence[float], current: float | None) -> list[float]:
    """Return the choices with what is in force among them."""
    return sorted({*choices, *([current] if current is not None else [])})


def changed(policy: Policy, name: str, *, idle_after_s: float, min_uptime_s: float) -> dict[str, Any]:
    """Return the whole document with those two numbers for one service; everything else stays."""
    document = policy.document()
    services = {**document["services"]}
    services[name] = {**services.get(name, {}), "idle_after": idle_after_s, "min_uptime": min_uptime_s}
    return {**document, "services": services}


def tiles(outcome: Outcome) -> list[Tile]:
    """Return what the policy would have saved, and what it would have cost."""
    hit, waited = outcome.stops_that_hit_work, outcome.people_who_waited
    longest, usual = formats.duration(outcome.longest_wait_s), formats.duration(outcome.mean_wait_s)
    return [
        Tile(label="Stopped for", value=f"{outcome.hours_stopped:.1f} h", note=f"of {outcome.hours:.0f} h"),
        Tile(label="Memory saved", value=f"{outcome.gib_hours_saved:.1f} GB h", note="gigabytes times hours"),
        Tile(label="Starts", value=formats.number(outcome.wakes), note=formats.plural(outcome.stops, "stop")),
        Tile(
            label="People who waited",
            value=formats.number(waited),
            note=f"{usual} on average, {longest} at most" if waited else "nobody",
            tone="warn" if waited else "",
        ),
        Tile(label="Stops that hit work", value=str(hit), note="must be none", tone="bad" if hit else ""),
    ]
