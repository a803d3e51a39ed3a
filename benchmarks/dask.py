"""Runs on a Dask cluster: how soon progress is seen and a cancel arrives, how many runs a second, and how work scales.

A cluster of our own (two workers of one thread, TLS) is started once. The scale part does the same CPU-bound work on
two threads, two child processes and those two workers, one after the other, and in two bare processes, which shows what
the machine had to give; ``--plot FILE`` draws it as SVG.
"""

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.report import Report, machine, parse_options, percentile
from octostar_runtime.models.runs import TaskStatus
from octostar_runtime.settings import PoolSettings, Settings
from octostar_runtime.tasks import TaskManager

SLOTS = 2
CHECK_EVERY_S = 0.005
PATIENCE_S = 60.0
ENGINES = ("threads", "process", "dask")


def main() -> None:
    """Measure and print."""
    options = parse_options("dask", __doc__, _more_options)
    quick = options.quick
    report = Report("dask", quick=quick)
    pools = {
        "default": PoolSettings(size=SLOTS),
        "process": PoolSettings(size=SLOTS, engine="process"),
        "dask": PoolSettings(size=SLOTS, engine="dask", dashboard=False),
    }
    tasks = TaskManager(settings=Settings(pools=pools))
    try:
        report.add("dask.cold_start_s", measure_start(tasks), unit="s")
        measure_lag(report, tasks, reports=150 if quick else 500)
        measure_cancel(report, tasks, rounds=20 if quick else 100)
        report.add("dask.runs_per_s", measure_throughput(tasks, runs=300 if quick else 10_000), unit="runs/s")
        speedups = measure_scale(report, tasks, rounds=3 if quick else 15, seconds=0.5)
    finally:
        tasks.close(20.0)
    if options.plot:
        Path(options.plot).write_text(plot(speedups))
    report.finish(as_json=options.json)


def _more_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--plot", metavar="FILE", help="write the scale plot there, as SVG")


def measure_start(tasks: TaskManager) -> float:
    """Return the seconds from the first submit to its end, the start of the cluster included; then warm both slots."""
    began = time.monotonic()
    tasks.submit("first", lambda handle: None, pool="dask")
    _ended(tasks, "first")
    took = time.monotonic() - began
    deadline = time.monotonic() + PATIENCE_S
    while _workers(tasks) < SLOTS and time.monotonic() < deadline:
        time.sleep(0.05)
    for slot in range(SLOTS):
        tasks.submit(f"warm-{slot}", lambda handle: handle.sleep(0.3), pool="dask")
    tasks.join_pool("dask", PATIENCE_S)
    return took


def _workers(tasks: TaskManager) -> int:
    seen = next(pool.cluster for pool in tasks.pools() if pool.name == "dask")
    return 0 if seen is None else seen.workers_total


def measure_lag(report: Report, tasks: TaskManager, *, reports: int) -> None:
    """Progress in a worker → visible in ``get_result``, by the one clock of this machine."""

    def tell(handle: Any) -> None:
        for _ in range(reports):
            handle.output(TaskStatus.IN_PROGRESS, time.time())
            time.sleep(0.02)

    tasks.submit("tell", tell, pool="dask")
    lags: list[float] = []
    seen: Any = None
    deadline = time.monotonic() + PATIENCE_S
    while not tasks.wait("tell", 0) and time.monotonic() < deadline:
        told = tasks.get_result("tell")["data"]
        if told is not None and told != seen:
            lags.append((time.time() - told) * 1000)
            seen = told
        time.sleep(0.0002)
    if len(lags) < reports // 2:
        raise SystemExit(f"only {len(lags)} of {reports} reports were seen")
    report.add("dask.progress_lag_p50_ms", percentile(lags, 0.5), unit="ms")
    report.add("dask.progress_lag_p95_ms", percentile(lags, 0.95), unit="ms")


def measure_cancel(report: Report, tasks: TaskManager, *, rounds: int) -> None:
    """``cancel()`` → the run has ended, of a task that checks every 5 ms."""
    took: list[float] = []

    def check(handle: Any) -> None:
        handle.progress(0.5)
        while True:
            handle.check()
            time.sleep(CHECK_EVERY_S)

    for _ in range(rounds):
        tasks.submit("check", check, pool="dask")
        deadline = time.monotonic() + PATIENCE_S
        while tasks.snapshot("check").progress is None and time.monotonic() < deadline:
            time.sleep(0.001)
        began = time.perf_counter()
        tasks.cancel("check")
        _ended(tasks, "check")
        took.append((time.perf_counter() - began) * 1000)
    report.add("dask.cancel_p50_ms", percentile(took, 0.5), unit="ms")
    report.add("dask.cancel_p95_ms", percentile(took, 0.95), unit="ms")


def measure_throughput(tasks: TaskManager, *, runs: int) -> float:
    """Return how many runs a second end that do nothing."""
    began = time.monotonic()
    for n in range(runs):
        tasks.submit(f"nothing-{n}", lambda handle: None, pool="dask")
    if not tasks.join_pool("dask", 10 * PATIENCE_S):
        raise SystemExit(f"{runs} runs that do nothing did not end")
    return runs / (time.monotonic() - began)


def measure_scale(report: Report, tasks: TaskManager, *, rounds: int, seconds: float) -> dict[str, float]:
    """The same work on each engine, round by round beside one run after the other in this thread.

    Returns the median speed-up of each over that.
    """
    loops = _loops_for(seconds)
    speedups: dict[str, list[float]] = {name: [] for name in (*ENGINES, "bare")}
    with ProcessPoolExecutor(SLOTS, mp_context=multiprocessing.get_context("spawn")) as bare:

        def spread(name: str) -> None:
            if name == "bare":
                list(bare.map(partial(spin, None), [loops] * SLOTS))
            else:
                _spread(tasks, "default" if name == "threads" else name, SLOTS, loops)

        for name in speedups:
            spread(name)  # what is made by the first use is there now
        for _ in range(rounds):
            for name, samples in speedups.items():
                alone = _timed(lambda: [spin(None, loops) for _ in range(SLOTS)])
                samples.append(alone / _timed(partial(spread, name)))
    for engine, samples in speedups.items():
        report.add(f"dask.scale_{engine}_speedup", samples, unit="ratio")
    return {"one by one": 1.0, **{engine: statistics.median(samples) for engine, samples in speedups.items()}}


def _spread(tasks: TaskManager, pool: str, runs: int, loops: int) -> None:
    for n in range(runs):
        tasks.submit(f"spin-{n}", spin, {"loops": loops}, pool=pool)
    tasks.join_pool(pool, 10 * PATIENCE_S)


def spin(handle: Any, loops: int) -> int:
    """Work of pure Python, which holds the interpreter's lock."""
    total = 0
    for n in range(loops):
        total += n * n % 7
    return total


def _loops_for(seconds: float) -> int:
    trial = 200_000
    return max(trial, int(trial * seconds / _timed(lambda: spin(None, trial))))


def _timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _ended(tasks: TaskManager, task_id: str) -> None:
    if not tasks.wait(task_id, PATIENCE_S):
        raise SystemExit(f"{task_id} did not end within {PATIENCE_S:.0f} s: {tasks.snapshot(task_id)}")


def plot(speedups: dict[str, float]) -> str:
    """Return bars as SVG: how many times faster than one run after the other."""
    labels = {
        "one by one": "one after the other",
        "threads": f"{SLOTS} threads",
        "process": f"{SLOTS} child processes",
        "dask": f"{SLOTS} Dask workers",
        "bare": f"{SLOTS} bare processes",
    }
    rows = []
    for place, (name, speedup) in enumerate(speedups.items()):
        y = 20 + place * 44
        rows.append(
            f'<text x="150" y="{y + 20}" text-anchor="end">{escape(labels[name])}</text>'
            f'<rect x="160" y="{y}" width="{speedup * 170:.0f}" height="28" rx="4" fill="#2a78d6"/>'
            f'<text x="{168 + speedup * 170:.0f}" y="{y + 20}">{speedup:.2f} times as fast</text>'
        )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 284" font-family="sans-serif" font-size="14" '
        f'role="img" aria-label="Speed-up of CPU-bound work"><rect width="640" height="284" fill="#ffffff"/>'
        f"{''.join(rows)}"
        f'<text x="160" y="262" font-size="12" fill="#555555">{escape(_made_on())}</text></svg>\n'
    )


def _made_on() -> str:
    seen = machine()
    return f"CPU-bound Python, {SLOTS} runs at a time, on {seen['cpus']} cores ({seen['cpu']})"


if __name__ == "__main__":
    main()
