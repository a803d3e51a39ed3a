"""How many live tasks a node has, also when more wait than a snapshot shows."""

from dataclasses import replace

from octostar_runtime.models.runs import RunState
from octostar_runtime.ui.queries import nodes
from tests.support.fleet_samples import LOST_NODE, UI_NODE, a_run, sample_pools, sample_snapshot


def test_a_nodes_live_tasks_are_those_of_its_pools_not_only_those_shown() -> None:
    default, heavy = sample_pools()
    pools = (replace(default, busy=4, queued=100_000, waiting_retry=3), replace(heavy, busy=2, queued=0))

    assert nodes.live_tasks_at(sample_snapshot(pools=pools))[UI_NODE] == 100_009


def test_of_a_lost_node_what_is_known_is_counted() -> None:
    runs = [a_run(number, RunState.RUNNING, node_id=LOST_NODE) for number in range(2)]

    counted = nodes.live_tasks_at(sample_snapshot(runs=(*runs, a_run(5, RunState.SUCCESS, node_id=LOST_NODE))))

    assert counted[LOST_NODE] == 2
