"""One measurement of one contender, in a process of its own: ``python -m benchmarks.task_rounds WHAT NAME SIZE``.

Prints one number. Ours always runs with full tracking on: states, times, percentiles, retention, log capture and the
list of changes for a publisher.
"""

import gc
import os
import statistics
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import count, islice
from pathlib import Path
from typing import Any

WORKERS = 10
Submit = Callable[[int], Any]


def noop(_: object) -> None:
    """The task of most measurements."""


def nothing() -> None:
    """The same for pools that hand nothing to a task."""


def make_ours(workers: int = WORKERS) -> Any:
    """Return our task manager with tracking on."""
    from octostar_runtime.settings import PoolSettings, Settings
    from octostar_runtime.tasks import TaskManager

    manager = TaskManager(settings=Settings(pools={"default": PoolSettings(size=workers)}))
    manager.drain_changes()  # from here on every change is noted
    return manager


def throughput(name: str, size: int) -> float:
    """Runs per second, from the first submit until every run has ended."""
    burst, warm = _burst(name)
    burst(warm)
    started = time.perf_counter()
    burst(size)
    return size / (time.perf_counter() - started)


def _burst(name: str) -> tuple[Callable[[int], object], int]:
    if name == "ours":
        return _our_burst(make_ours()), 1000
    if name == "tpe":
        pool = ThreadPoolExecutor(WORKERS)
        return lambda n: wait([pool.submit(nothing) for _ in range(n)]), 1000
    if name == "reference":
        return _reference_burst(), 200
    if name == "joblib":
        from joblib import Parallel, delayed

        parallel = Parallel(n_jobs=WORKERS, backend="threading")
        return lambda n: parallel(delayed(nothing)() for _ in range(n)), 100
    return lambda n: all(map(_polled, [_asynclit() for _ in range(n)])), 5


def _asynclit() -> Any:
    import asynclit

    return asynclit.run(nothing)


def _polled(task: Any) -> bool:
    """Wait for one of asynclit's tasks, which can only be polled."""
    while not task.done:
        time.sleep(0.0002)
    return True


def _our_burst(manager: Any) -> Callable[[int], None]:
    batch = 0

    def burst(n: int) -> None:
        nonlocal batch
        batch += 1
        for i in range(n):
            manager.submit(f"{batch}-{i}", noop)
        manager.join_pool("default")

    return burst


def _reference_burst() -> Callable[[int], None]:
    from streamlit_octostar_utils.threading.async_task_manager import AsyncTaskManager

    manager = AsyncTaskManager(WORKERS)
    batch = 0

    def burst(n: int) -> None:
        nonlocal batch
        batch += 1
        ids = [f"{batch}-{i}" for i in range(n)]
        for task_id in ids:
            manager.submit(task_id, noop)
        for task_id in ids:
            manager.join(task_id)

    return burst


def latency(name: str, size: int) -> float:
    """Median seconds from submit to the result in hand, one at a time on an idle pool."""
    once = _once(name)
    for i in range(5):
        once(i)
    samples = []
    for i in range(size):
        started = time.perf_counter()
        once(5 + i)
        samples.append(time.perf_counter() - started)
        if i % 10 == 0:
            time.sleep(0.001)  # let the pool fall idle
    return statistics.median(samples)


def latency_ratio(_: str, size: int) -> float:
    """Our latency ÷ the stock executor's, in blocks by turns, so that both meet the same moments of a busy machine."""
    contenders = {"ours": _once("ours"), "tpe": _once("tpe")}
    block, numbers, ratios = 50, count(1), []
    for turn in range(max(4, size // block)):
        p50 = {}
        for name in ("ours", "tpe") if turn % 2 else ("tpe", "ours"):
            once, samples = contenders[name], []
            for number in islice(numbers, block):
                started = time.perf_counter()
                once(number)
                samples.append(time.perf_counter() - started)
                if number % 10 == 0:
                    time.sleep(0.001)  # let the pool fall idle
            p50[name] = statistics.median(samples)
        if turn > 1:  # the first turns start threads and warm up
            ratios.append(p50["ours"] / p50["tpe"])
    return statistics.median(ratios)


def _once(name: str) -> Submit:
    if name == "ours":
        manager = make_ours()

        def ours(i: int) -> None:
            manager.submit(str(i), noop)
            manager.wait(str(i))

        return ours
    if name == "tpe":
        pool = ThreadPoolExecutor(WORKERS)
        return lambda _: pool.submit(nothing).result()
    if name == "reference":
        from streamlit_octostar_utils.threading.async_task_manager import AsyncTaskManager

        reference = AsyncTaskManager(WORKERS)

        def poll(i: int) -> None:
            reference.submit(str(i), noop)
            reference.join(str(i))

        return poll
    if name == "joblib":
        from joblib import Parallel, delayed

        parallel = Parallel(n_jobs=WORKERS, backend="threading")
        return lambda _: parallel([delayed(nothing)()])
    return lambda _: _polled(_asynclit())


def idle(_: str, seconds: int) -> float:
    """Context switches per second of all our threads while nothing is to be done, the measuring thread left out."""
    manager = make_ours()
    _our_burst(manager)(1000)
    time.sleep(0.5)
    before = _switches()
    time.sleep(seconds)
    return max(0.0, _switches() - before) / seconds


def _switches() -> int:
    main = str(threading.main_thread().native_id)
    total = 0
    for task in Path("/proc/self/task").iterdir():
        if task.name == main:
            continue
        for line in (task / "status").read_text().splitlines():
            if "ctxt_switches" in line:
                total += int(line.split()[1])
    return total


def growth(_: str, size: int) -> float:
    """Cost of a submit with ``size`` queued ÷ with 10 queued, by turns; each worker is held by a task that waits."""
    gate = threading.Event()
    queued = {10: _held(10, gate), size: _held(size, gate)}
    gc.collect()
    ratios = []
    for block in range(60):
        seconds = {}
        for waiting, manager in queued.items() if block % 2 else reversed(queued.items()):
            started = time.perf_counter()
            for i in range(50):
                manager.submit(f"{block}-{i}", noop)
            seconds[waiting] = time.perf_counter() - started
        for i in range(50):  # keep it at about ten
            queued[10].cancel(f"{block}-{i}")
        ratios.append(seconds[size] / seconds[10])
    for manager in queued.values():
        manager.cancel_where(lambda run: run.task_id != "gate")
    gate.set()
    return statistics.median(ratios)


def _held(waiting: int, gate: threading.Event) -> Any:
    """Return a manager in which so many runs wait until the gate opens."""
    manager = make_ours(workers=1)
    manager.submit("gate", lambda _: gate.wait())
    for i in range(waiting):
        manager.submit(f"before-{i}", noop)
    return manager


def retained(_: str, size: int) -> float:
    """Bytes that an ended no-op run costs while it is kept."""
    manager = make_ours()
    burst = _our_burst(manager)
    burst(1000)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    burst(size)
    manager.drain_changes()
    gc.collect()
    return float(tracemalloc.get_traced_memory()[0] - before) / size


def retained_throughput(_: str, size: int) -> float:
    """Throughput while ``size`` ended runs are kept ÷ with (nearly) none, in alternation."""
    full, empty = _our_burst(make_ours()), _our_burst(make_ours())
    full(size)
    ratios = []
    for number in range(12):  # a busy machine makes single ones differ by half
        empty_first = number % 2 == 0
        seconds = {}
        for which in (empty, full) if empty_first else (full, empty):
            if which is empty:
                empty = which = _our_burst(make_ours())
                which(500)
            started = time.perf_counter()
            which(8000)
            seconds[which is full] = time.perf_counter() - started
        ratios.append(seconds[False] / seconds[True])
    return statistics.median(ratios)


def fairness(_: str, size: int) -> float:
    """Wait of another session's first task behind ``size`` tasks of one session ÷ one task's run time, one worker."""
    manager = make_ours(workers=1)
    length = 0.03
    for i in range(size):
        manager.submit(f"a-{i}", lambda _: time.sleep(length), session_id="a")
    ratios = []
    for i in range(15):
        time.sleep(length * (1 + (i % 5) / 5))
        manager.submit(f"b-{i}", noop, session_id=f"b-{i}")
        manager.wait(f"b-{i}")
        ratios.append(manager.snapshot(f"b-{i}").wait_s / length)
    manager.cancel_where(lambda run: True)
    return float(max(ratios))


MEASUREMENTS: dict[str, Callable[[str, int], float]] = {
    "throughput": throughput,
    "latency": latency,
    "latency_ratio": latency_ratio,
    "idle": idle,
    "growth": growth,
    "retained": retained,
    "retained_throughput": retained_throughput,
    "fairness": fairness,
}

if __name__ == "__main__":
    print(MEASUREMENTS[sys.argv[1]](sys.argv[2], int(sys.argv[3])), flush=True)
    os._exit(0)  # the reference's workers would keep the process alive
