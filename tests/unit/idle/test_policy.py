"""The policy is one document: validated field by field, versioned, and the same from form, API and file."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octostar_runtime.errors import PolicyInvalid, VersionConflict
from octostar_runtime.idle.controller import IdleController
from octostar_runtime.idle.desk import PolicyDesk, follow
from octostar_runtime.idle.durations import to_seconds
from octostar_runtime.idle.policy import Policy, parse_policy
from tests.unit.idle.bench import Bench, MemoryDocuments


@pytest.mark.parametrize(
    ("written", "seconds"),
    [(90, 90), ("90 s", 90), ("5 min", 300), ("1.5 h", 5400), ("2 d", 172_800), ("5m", 300), (" 7 MIN ", 420)],
)
def test_durations_are_understood_as_people_write_them(written: object, seconds: float) -> None:
    assert to_seconds(written) == seconds


@pytest.mark.parametrize("written", ["soon", "5 parsecs", -1, True, None, [], float("inf"), float("nan"), "-5 min"])
def test_anything_else_is_no_duration(written: object) -> None:
    with pytest.raises(ValueError, match=r"seconds|duration|positive"):
        to_seconds(written)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"mode": "sometimes"}, "mode"),
        ({"min_uptime": -5}, "min_uptime"),
        ({"check_interval": 0}, "check_interval"),
        ({"flap_limit": 0}, "flap_limit"),
        ({"no_such_setting": 1}, "no_such_setting"),
        ({"services": {"ui": {"idle_after": "soon"}}}, "services.ui.idle_after"),
        ({"services": {"ui": {"idle_aftre": 5}}}, "services.ui.idle_aftre"),
        ({"services": {"model": {"health": "127.0.0.1:80"}}}, "services.model.health"),
        ({"services": []}, "services"),
        ({"awake_schedule": [{"start": "25:00", "end": "09:00"}]}, "awake_schedule.0.start"),
        ({"awake_schedule": [{"start": "09:00", "end": "09:00"}]}, "awake_schedule.0"),
        ({"awake_schedule": [{"start": "08:00", "end": "09:00", "time_zone": "Rome"}]}, "awake_schedule.0.time_zone"),
        ({"awake_schedule": [{"start": "08:00", "end": "09:00", "days": ["someday"]}]}, "awake_schedule.0.days"),
    ],
)
def test_a_refusal_names_the_field(document: dict[str, object], field: str) -> None:
    with pytest.raises(PolicyInvalid) as refused:
        parse_policy(document)
    assert list(refused.value.fields) == [field]
    assert field in str(refused.value)


def test_all_fields_that_are_wrong_are_named_at_once() -> None:
    with pytest.raises(PolicyInvalid) as refused:
        parse_policy({"mode": "x", "min_uptime": "y", "services": {"ui": {"max_age": "z"}}})
    assert set(refused.value.fields) == {"mode", "min_uptime", "services.ui.max_age"}


def test_a_services_own_setting_wins_over_its_kinds_and_that_over_the_top() -> None:
    own = {"model": {"idle_after": 10}, "hook": {"idle_after": 20, "min_uptime": 7}}
    policy = parse_policy({"min_uptime": 99, "drain_timeout": 3, "services": own})
    model, other = policy.for_service("model", "hook"), policy.for_service("other", "hook")
    assert (model.idle_after_s, model.min_uptime_s, model.drain_timeout_s) == (10, 7, 3)
    assert (other.idle_after_s, other.min_uptime_s) == (20, 7)
    assert policy.for_service("ui", "program").min_uptime_s == 99


def test_the_usual_quiet_times() -> None:
    policy = Policy()
    asked = [("pool:x", "pool"), ("dask", "dask"), ("model", "hook"), ("ui", "program"), ("container", "container")]
    assert [policy.for_service(*one).idle_after_s for one in asked] == [300, 300, 600, 1800, None]
    assert parse_policy({"container_exit": True}).for_service("container", "container").idle_after_s == 300
    assert parse_policy({"services": {"ui": {"idle_after": "off"}}}).for_service("ui", "program").idle_after_s is None


def test_a_document_is_read_back_as_the_same_policy() -> None:
    policy = parse_policy(
        {"awake_schedule": [{"start": "7:30", "end": "19:00"}], "services": {"ui": {"idle_after": 5}}}
    )
    assert parse_policy(policy.document()).says_the_same(policy)
    assert parse_policy(json.loads(json.dumps(policy.document()))).says_the_same(policy)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.dictionaries(st.text(), x), max_leaves=8
    )
)
def test_whatever_is_sent_is_read_or_refused_by_field(junk: object) -> None:
    document = {"services": junk} if not isinstance(junk, dict) else junk
    with contextlib.suppress(PolicyInvalid):  # anything else that is raised fails this test
        parse_policy(document)


def test_the_second_of_two_editors_is_told_and_the_first_ones_words_stay() -> None:
    documents = MemoryDocuments()
    ada, bob = PolicyDesk(documents), PolicyDesk(documents)
    assert ada.save({"min_uptime": 1}, 0, "ada") == 1
    with pytest.raises(VersionConflict):
        bob.save({"min_uptime": 2}, 0, "bob")
    assert follow(bob)
    assert bob.policy.min_uptime == 1
    assert bob.save({"min_uptime": 2}, 1, "bob") == 2


def test_an_invalid_document_leaves_the_old_one_in_force() -> None:
    bench = Bench(policy={"min_uptime": 42})
    with pytest.raises(PolicyInvalid):
        bench.save({"min_uptime": "soon"})
    policy, version = bench.controller.policy()
    assert (policy.min_uptime, version) == (42, 1)


def test_an_unusable_document_in_the_store_is_told_and_not_used() -> None:
    documents = MemoryDocuments()
    desk = PolicyDesk(documents)
    desk.save({"min_uptime": 5}, 0, "ada")
    documents.save("idle", {"min_uptime": "broken by hand"}, expected=1, actor="somebody")
    assert not desk.refresh()
    assert desk.policy.min_uptime == 5
    assert desk.problem is not None
    assert "min_uptime" in desk.problem


def test_a_file_is_applied_at_start_once_and_never_undoes_what_was_edited_since(tmp_path: Path) -> None:
    file, documents = tmp_path / "policy.json", MemoryDocuments()
    file.write_text('{"min_uptime": "3 min"}')
    first = PolicyDesk(documents)
    assert first.apply_file(file) == 1
    assert first.policy.min_uptime == 180
    first.save({"min_uptime": 7}, 1, "ada")
    restarted = PolicyDesk(documents)
    assert restarted.apply_file(file) is None
    follow(restarted)
    assert restarted.policy.min_uptime == 7
    file.write_text('{"min_uptime": "4 min"}')
    again = PolicyDesk(documents)
    assert again.apply_file(file) == 3
    assert again.policy.min_uptime == 240


@pytest.mark.parametrize("text", ["{", "[]", '{"min_uptime": -1}'])
def test_a_file_that_cannot_be_used_keeps_nobody_from_starting(tmp_path: Path, text: str) -> None:
    file = tmp_path / "policy.json"
    file.write_text(text)
    bench = Bench()
    controller = IdleController(
        node_id="n",
        clock=bench.clock,
        documents=MemoryDocuments(),
        leases=bench.leases,
        sink=bench,
        observe=bench.observe,
        policy_file=file,
    )
    controller.start()
    controller.stop()
    assert controller.policy()[1] == 0
    (refused,) = [event for event in bench.events if event.kind == "policy.refused"]
    assert refused.reason
