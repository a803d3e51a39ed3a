"""The manager's lock under many threads: no convoy, no busy loop, nobody left out."""

import resource
import threading
import time

from octostar_runtime.settings import PoolSettings
from octostar_runtime.tasks.patience import NAP_S, NAPS, let_go_on, take_after
from tests.unit.tasks.conftest import Gate, MakeManager


class TestTaking:
    """One lock, somebody else has it."""

    def test_the_lock_is_taken_when_its_holder_leaves_it(self) -> None:
        lock = threading.Lock()
        lock.acquire()
        threading.Timer(0.0005, lock.release).start()
        take_after(lock)
        assert lock.locked()

    def test_a_holder_that_takes_long_is_waited_for(self) -> None:
        lock = threading.Lock()
        lock.acquire()
        began = time.monotonic()
        threading.Timer(50 * NAPS * NAP_S, lock.release).start()
        take_after(lock)
        assert lock.locked()
        assert time.monotonic() - began >= 40 * NAPS * NAP_S

    def test_letting_the_holder_go_on_comes_to_an_end_and_takes_nothing(self) -> None:
        lock = threading.Lock()
        lock.acquire()
        let_go_on(lock)
        assert lock.locked()
        lock.release()
        let_go_on(lock)
        assert not lock.locked()


def switches() -> int:
    """Return how often threads of this process have waited so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw


class TestManyThreads:
    """Ten workers and whoever submits meet at one lock."""

    def test_short_runs_do_not_cost_a_switch_between_threads_each(self, make_manager: MakeManager) -> None:
        tasks = make_manager(size=10)
        runs, fewest = 5_000, float("inf")
        for attempt in range(3):
            before = switches()
            for number in range(runs):
                tasks.submit(f"{attempt}-{number}", lambda handle: None)
            assert tasks.join_pool("default", 60)
            fewest = min(fewest, (switches() - before) / runs)
        assert fewest < 0.5  # blocking on the lock: 1.1

    def test_runs_that_a_limit_holds_back_keep_nobody_busy(self, make_manager: MakeManager, gate: Gate) -> None:
        tasks = make_manager(pools={"default": PoolSettings(size=4, per_session_limit=1)})
        tasks.submit("first", gate, session_id="a")
        for number in range(5):
            tasks.submit(f"later-{number}", lambda handle: None, session_id="a")
        assert gate.begun.wait(5)
        before, cpu = switches(), time.process_time()
        time.sleep(0.5)
        assert time.process_time() - cpu < 0.2
        assert switches() - before < 20
        tasks.submit("other", lambda handle: None, session_id="b")
        assert tasks.wait("other", 5)
        gate.opened.set()
        assert tasks.join_pool("default", 5)
