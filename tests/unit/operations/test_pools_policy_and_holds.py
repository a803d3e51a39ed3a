"""Pools, the policy, holds and messages: the same door, the same rules."""

import pytest

from octostar_runtime.errors import (
    InvalidInput,
    NodeNotFound,
    NotAllowed,
    OctostarRuntimeError,
    PolicyInvalid,
    ServiceNotFound,
    VersionConflict,
)
from octostar_runtime.models.access import Principal, Role
from octostar_runtime.models.events import Event
from octostar_runtime.runtime import Runtime


def size_of(runtime: Runtime) -> int:
    return next(pool.size for pool in runtime.tasks.pools() if pool.name == "default")


def test_a_pool_is_resized_and_the_audit_has_before_and_after(
    runtime: Runtime, operator: Principal, events: list[Event]
) -> None:
    runtime.fleet.refresh_now()
    runtime.operations.resize_pool(runtime.node.node_id, "default", 3, by=operator)
    assert size_of(runtime) == 3
    (audited,) = [event for event in events if event.kind == "pool.resize_requested"]
    assert (audited.data["before"], audited.data["after"]) == (10, 3)


def test_the_audit_of_pools_and_nodes_says_what_was_before_and_after(
    runtime: Runtime, operator: Principal, events: list[Event]
) -> None:
    runtime.fleet.refresh_now()
    runtime.operations.pause_pool(runtime.node.node_id, "default", by=operator)
    runtime.operations.drain_node(runtime.node.node_id, by=operator)
    changes = [(event.data["before"], event.data["after"]) for event in events if event.kind.endswith("_requested")]
    assert changes == [("open", "paused"), ("ok", "draining")]


@pytest.mark.parametrize("size", [0, -1, 100_000])
def test_a_size_out_of_range_is_refused_and_nothing_changes(runtime: Runtime, operator: Principal, size: int) -> None:
    with pytest.raises(OctostarRuntimeError):
        runtime.operations.resize_pool(runtime.node.node_id, "default", size, by=operator)
    assert size_of(runtime) == 10


def test_a_policy_is_saved_once_and_the_second_editor_is_told(runtime: Runtime, operator: Principal) -> None:
    version = runtime.operations.save_policy({"mode": "dry_run"}, 0, by=operator)
    assert version == 1
    with pytest.raises(VersionConflict) as conflict:
        runtime.operations.save_policy({"mode": "off"}, 0, by=operator)
    assert conflict.value.current == 1
    assert runtime.idle.policy()[0].mode == "dry_run"


def test_an_invalid_policy_names_its_field_and_the_old_one_stays(runtime: Runtime, operator: Principal) -> None:
    with pytest.raises(PolicyInvalid) as refused:
        runtime.operations.save_policy({"min_uptime": -5}, 0, by=operator)
    assert "min_uptime" in refused.value.fields
    assert runtime.idle.policy()[1] == 0


def test_a_viewer_may_not_change_the_policy(runtime: Runtime, viewer: Principal) -> None:
    with pytest.raises(NotAllowed):
        runtime.operations.save_policy({"mode": "off"}, 0, by=viewer)


def test_a_hold_is_owned_has_a_reason_and_can_be_released(runtime: Runtime, operator: Principal) -> None:
    hold_id = runtime.operations.hold("demo at noon", 600, by=operator)
    (hold,) = runtime.idle.holds()
    assert (hold.hold_id, hold.owner, hold.reason) == (hold_id, "ada", "demo at noon")
    runtime.operations.release_hold(hold_id, by=operator)
    assert runtime.idle.holds() == ()


def test_an_unknown_service_is_refused_with_those_there_are(runtime: Runtime, operator: Principal) -> None:
    with pytest.raises(ServiceNotFound, match="no service is called 'model'"):
        runtime.operations.stop_service("model", by=operator)


def test_an_unknown_node_is_refused(runtime: Runtime, operator: Principal) -> None:
    with pytest.raises(NodeNotFound):
        runtime.operations.drain_node("nowhere", by=operator)


@pytest.mark.parametrize(("text", "level"), [("", "info"), ("x" * 501, "info"), ("hello", "shout")])
def test_a_message_that_cannot_be_shown_is_refused(
    runtime: Runtime, operator: Principal, text: str, level: str
) -> None:
    with pytest.raises(InvalidInput):
        runtime.operations.message_sessions(None, text, level, by=operator)


def test_erasing_a_user_needs_an_admin_and_leaves_no_name_behind(
    runtime: Runtime, operator: Principal, events: list[Event]
) -> None:
    with pytest.raises(NotAllowed):
        runtime.operations.erase_user("grace", by=operator)
    runtime.operations.erase_user("grace", by=Principal(name="root", role=Role.ADMIN, via="link"))
    (audited,) = [event for event in events if event.kind == "people.erased"]
    assert "grace" not in str(audited)
