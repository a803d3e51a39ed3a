"""What the What if page says is what the API says of the document that its button saves."""

import random

import pytest

from octostar_runtime.idle.policy import parse_policy
from octostar_runtime.idle.whatif import GIB, History, Replay, ReplayedService, Stay, Work
from octostar_runtime.ui.queries import whatif

POLICIES: list[dict[str, object]] = [
    {},
    {"mode": "dry_run", "min_uptime": 30, "services": {"program": {"connected_blocks": False}}},
    {"services": {"ui": {"idle_after": "off", "observers_block": True}, "model": {"idle_after": "5 min"}}},
    {"flap_limit": 1, "awake_schedule": [{"start": "08:00", "end": "10:00"}]},
]


def _history() -> History:
    chance = random.Random(3)
    stays, works = [], []
    for _ in range(400):
        at = chance.uniform(0, 7 * 86_400)
        stays.append(Stay(start=at, end=at + chance.expovariate(1 / 400), observer=chance.random() < 0.2))
        works.append(Work(start=at, end=at + chance.expovariate(1 / 90)))
    return History(start=0, end=7 * 86_400, stays=tuple(stays), works=tuple(works))


@pytest.mark.parametrize("stored", POLICIES)
@pytest.mark.parametrize(("idle_after_s", "min_uptime_s"), [(60.0, 0.0), (7200.0, 3600.0)])
def test_the_sliders_say_what_a_replay_of_the_saved_document_says(
    stored: dict[str, object], idle_after_s: float, min_uptime_s: float
) -> None:
    service = ReplayedService(name="ui", start_s=4.0, memory_bytes=GIB)
    document = whatif.changed(parse_policy(stored), "ui", idle_after_s=idle_after_s, min_uptime_s=min_uptime_s)
    replay = Replay(_history())
    swept = dict(replay.sweep(parse_policy({**document, "mode": "enforce"}), service, [idle_after_s]))
    (asked,) = replay.run(parse_policy(document), [service])
    assert swept[idle_after_s] == asked
    assert asked.stops > 0
    kept = parse_policy(document).document()
    assert {**kept, "services": None} == {**parse_policy(stored).document(), "services": None}
