"""The snapshot tells the truth about a queue that is longer than what it shows."""

from octostar_runtime.fleet.heart import Remote
from octostar_runtime.fleet.local import LocalNode
from octostar_runtime.fleet.reader import FleetReader
from octostar_runtime.fleet.status import NodeStatus, read, written
from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.settings import PoolSettings, Settings
from octostar_runtime.tasks import TaskManager
from octostar_runtime.testing import ManualClock
from tests.contracts.store.conftest import a_node
from tests.support.fleet_samples import a_run


def reader(clock: ManualClock, local: LocalNode, *, remote: Remote | None = None, limit: int = 10) -> FleetReader:
    return FleetReader(
        node=lambda: a_node("here"), clock=clock, local=local, remote=lambda: remote or Remote(), runs_limit=limit
    )


def test_the_longest_wait_is_that_of_the_oldest_run_of_all_not_of_those_shown() -> None:
    clock = ManualClock()
    tasks = TaskManager(clock=clock, settings=Settings(pools={"default": PoolSettings(size=1)}))
    tasks.pause("default")
    for number in range(30):
        tasks.submit(f"waits-{number}", print)
        clock.advance(1.0)
    local = LocalNode(runs=lambda: tasks.runs(10), oldest_queued_at=tasks.oldest_queued_at)
    look = reader(clock, local).refresh_now

    assert look().oldest_wait_s == 30.0
    tasks.cancel("waits-0")
    assert look().oldest_wait_s == 29.0
    tasks.cancel_pool("default")
    assert look().oldest_wait_s is None
    tasks.close()


def test_another_node_tells_how_long_its_oldest_run_has_waited() -> None:
    clock = ManualClock()
    at = clock.time()
    told = read(written(LocalNode(oldest_queued_at=lambda: at - 40)))
    local = LocalNode(oldest_queued_at=lambda: at - 7)

    assert reader(clock, local, remote=Remote(status={"b": told})).refresh_now().oldest_wait_s == 40.0
    assert reader(clock, local, remote=Remote(status={"b": read({})})).refresh_now().oldest_wait_s == 7.0
    assert read({"oldest_queued_at": "yesterday"}) == NodeStatus()


def test_what_executes_is_shown_however_many_wait_behind_it() -> None:
    executing = [a_run(1000 + number, RunState.CANCELLING) for number in range(3)]  # the oldest of all
    waiting = [a_run(100 + number, RunState.QUEUED) for number in range(20)]
    ended: list[RunRecord] = [a_run(number, RunState.SUCCESS) for number in range(1, 5)]

    shown = reader(ManualClock(), LocalNode(runs=lambda: [*ended, *waiting, *executing])).refresh_now().runs

    assert set(executing) < set(shown)
    assert len(shown) == 10
    assert not set(ended) & set(shown)
    assert [run.queued_at for run in shown] == sorted((run.queued_at for run in shown), reverse=True)
