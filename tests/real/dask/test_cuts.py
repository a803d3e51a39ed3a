"""What becomes of runs while the line to their cluster is cut, and afterwards."""

import time
from pathlib import Path
from typing import Any

from octostar_runtime.models.runs import RunState
from octostar_runtime.testing import wait_until
from tests.real.dask.conftest import MakeManager, address_of
from tests.support.cut_line import cuttable
from tests.support.dask_cluster import Cluster


def test_a_network_that_is_cut_too_long_loses_the_run(cluster: Cluster, make_manager: MakeManager) -> None:
    with cuttable(cluster.address) as line:
        tasks = make_manager(cluster.settings(line.address, lost_after_s=2.0))
        run_id = tasks.submit("t", lambda handle: handle.sleep(20))
        address_of(tasks, run_id)
        line.cut()
        assert tasks.wait_run(run_id, 30)
        record = tasks.run(run_id)
        assert record.state is RunState.LOST
        assert "what became of this run on it is not known" in (record.error or "")
        assert RunState.UNKNOWN in [state for state, _ in record.timeline]
        assert (seen := tasks.pools()[0].cluster) is not None
        assert seen.state == "down"
        later = tasks.submit("u", lambda handle: "later")
        line.mend()
        assert tasks.wait_run(later, 30)
        assert tasks.get_result("u")["data"] == "later"


def test_what_ended_while_the_line_was_cut_is_told_when_it_is_back(
    cluster: Cluster, make_manager: MakeManager, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    with cuttable(cluster.address) as line:
        tasks = make_manager(cluster.settings(line.address))

        def work(handle: Any) -> str:
            handle.progress(0.5)
            while not go.exists():
                time.sleep(0.01)
            return "it ended unseen"

        run_id = tasks.submit("t", work)
        wait_until(lambda: tasks.run(run_id).progress, timeout_s=20, what="progress")
        line.cut()
        wait_until(lambda: tasks.run(run_id).state is RunState.UNKNOWN, timeout_s=15, what="UNKNOWN")
        go.touch()
        time.sleep(0.3)
        line.mend()
        assert tasks.wait_run(run_id, 30)
        assert tasks.run(run_id).state is RunState.SUCCESS
        assert tasks.get_result("t")["data"] == "it ended unseen"


def test_a_cancel_while_the_line_is_cut_counts_when_it_is_back(cluster: Cluster, make_manager: MakeManager) -> None:
    def forever(handle: Any) -> None:
        while True:
            handle.progress(0.5)
            time.sleep(0.01)

    with cuttable(cluster.address) as line:
        tasks = make_manager(cluster.settings(line.address))
        run_id = tasks.submit("t", forever)
        wait_until(lambda: tasks.run(run_id).progress, timeout_s=20, what="progress")
        line.cut()
        wait_until(lambda: tasks.run(run_id).state is RunState.UNKNOWN, timeout_s=15, what="UNKNOWN")
        tasks.cancel("t", by="ada")
        line.mend()
        assert tasks.wait_run(run_id, 30)
        assert tasks.run(run_id).state is RunState.CANCELLED
