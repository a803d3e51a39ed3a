"""The policy form: what people write becomes the document, and what the form does not show stays."""

import pytest

from octostar_runtime.idle.policy import Policy, parse_policy
from octostar_runtime.ui.queries import policy


def written(**changes: object) -> policy.Written:
    values: dict[str, object] = {
        "mode": "enforce",
        "durations": {},
        "switches": {},
        "idle_after": {},
        "hours": "",
    }
    return policy.Written(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("seconds", [0, 1, 0.5, 90, 300, 5400, 86_400, 100_000])
def test_a_duration_in_words_is_read_back_the_same(seconds: float) -> None:
    doc = policy.document(Policy().document(), written(durations={"min_uptime": policy.in_words(seconds)}))

    assert parse_policy(doc).min_uptime == seconds


def test_a_form_that_was_not_touched_changes_nothing() -> None:
    before = Policy().document()
    fields = [name for name, _, _ in (*policy.DURATIONS, *policy.MORE)]

    after = policy.document(
        before,
        written(
            durations={name: policy.in_words(before[name]) for name in fields},
            switches={name: before[name] for name, _, _ in policy.SWITCHES},
        ),
    )

    assert parse_policy(after) == parse_policy(before)


def test_a_services_time_is_set_and_taken_back_without_touching_its_other_rules() -> None:
    before = {**Policy().document(), "services": {"model": {"health": "tcp://127.0.0.1:9000"}}}

    changed = policy.document(before, written(idle_after={"model": "20 min", "pool": ""}))
    back = policy.document(changed, written(idle_after={"model": ""}))

    assert changed["services"]["model"] == {"health": "tcp://127.0.0.1:9000", "idle_after": "20 min"}
    assert back["services"] == before["services"]


def test_hours_are_read_and_written_alike() -> None:
    lines = "mon tue 07:30 - 19:00 Europe/Rome\nsat 10:00 - 12:00 UTC"

    assert policy.hours_text(policy.read_hours(lines)) == lines
    assert parse_policy({"awake_schedule": policy.read_hours(lines)}).awake_schedule[0].days == ("mon", "tue")


def test_hours_that_cannot_be_read_name_the_line() -> None:
    with pytest.raises(ValueError, match="whenever"):
        policy.read_hours("whenever I like")
