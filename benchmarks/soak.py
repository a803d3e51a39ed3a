"""Random work for minutes: submits, supersedes, cancels, resizes, errors, time limits, retries, pauses.

Fails (exit 1) when memory grows, threads grow, a worker is missing or a run has not ended.
"""

import argparse
import asyncio
import gc
import random
import sys
import threading
import time
from typing import Any

import psutil

from benchmarks.report import Report, parse_options
from octostar_runtime.settings import PoolSettings, Settings
from octostar_runtime.tasks import TaskManager

#: The main thread, the timer, seven workers at most, and as many that still end after a resize or a hard stop.
_THREADS = 20


def _add_minutes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, default=5.0, help="how long (5)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random choices (0)")


def main() -> None:
    """Work at random, then look at what is left."""
    options = parse_options("soak", __doc__, _add_minutes)
    seconds = 20.0 if options.quick else options.minutes * 60
    report = Report("soak", quick=options.quick)
    problems = soak(report, seconds, random.Random(options.seed))
    report.finish(as_json=options.json)
    for problem in problems:
        print(f"FAILED: {problem}", file=sys.stderr)
    sys.exit(1 if problems else 0)


def soak(report: Report, seconds: float, chance: random.Random) -> list[str]:
    """Return what is wrong afterwards."""
    settings = Settings(pools={"default": PoolSettings(size=4, queue_limit=5_000)}, retain_runs=5_000)
    tasks = TaskManager(settings=settings)
    memory: list[int] = []
    most_threads = 0
    process = psutil.Process()
    ended_at = time.monotonic() + seconds
    submitted, next_reading = 0, time.monotonic() + seconds * 0.2
    while time.monotonic() < ended_at:
        for _ in range(50):
            _one_step(tasks, chance)
        submitted += 50
        tasks.drain_changes()
        time.sleep(0.002)
        if time.monotonic() >= next_reading:
            gc.collect()
            memory.append(process.memory_info().rss)
            most_threads = max(most_threads, threading.active_count())
            next_reading += seconds * 0.1
    tasks.resize("default", 4)
    tasks.resume("default")
    quiet = tasks.join_pool("default", 30)
    time.sleep(0.2)
    (pool,) = tasks.pools()
    growth = (memory[-1] - memory[0]) / 2**20 if len(memory) > 1 else 0.0
    threads = sum(thread.name.startswith("octostar-default") for thread in threading.enumerate())
    report.add("soak.steps", submitted, unit="steps")
    report.add("soak.memory_growth_mb", growth, unit="MB")
    report.add("soak.threads", threads, unit="threads")
    counts = tasks.counts()
    unfinished = sum(number for state, number in counts.items() if not state.terminal)
    report.add("soak.unfinished", unfinished, unit="runs")
    report.add("soak.most_threads", most_threads, unit="threads")
    report.add("soak.ended", sum(counts.values()) - unfinished + tasks.dropped["runs"], unit="runs")
    problems = []
    if unfinished:
        problems.append(f"{unfinished} runs have not ended")
    if most_threads > _THREADS:
        problems.append(f"{most_threads} threads at one time, where at most {_THREADS} belong")
    if not quiet:
        problems.append("some runs never ended")
    if len(pool.workers) != 4 or threads != 4:
        problems.append(f"{len(pool.workers)} workers and {threads} threads where 4 belong")
    if growth > 20:
        problems.append(f"memory grew by {growth:.0f} MB after it had settled")
    tasks.close()
    return problems


def _one_step(tasks: TaskManager, chance: random.Random) -> None:
    task_id = f"t{chance.randrange(300)}"
    step = chance.random()
    if step < 0.75:
        tasks.submit(
            task_id,
            chance.choice((_quick, _quick, _chatty, _failing, _short_sleep, _deaf, _asynchronous)),
            session_id=f"s{chance.randrange(8)}",
            priority=chance.randrange(3),
            timeout_s=chance.choice((None, None, 0.01)),
            retries=chance.choice((0, 0, 1)),
            backoff_s=0.01,
        )
    elif step < 0.95:
        try:
            tasks.cancel(task_id)
        except KeyError:
            return
    elif step < 0.97:
        tasks.resize("default", chance.randrange(1, 8))
    elif step < 0.98:
        tasks.session_ended(f"s{chance.randrange(8)}")
    elif step < 0.99:
        tasks.pause("default")
        tasks.resume("default")
    else:
        # a hard stop inside asyncio's own making and closing of a loop is survived, but Python prints each of them
        runs = [run for run in tasks.runs(20) if run.name != _asynchronous.__name__]
        if runs:
            tasks.hard_stop(chance.choice(runs).run_id)


def _quick(handle: Any) -> int:
    return 1


def _chatty(handle: Any) -> list[int]:
    for step in range(5):
        handle.progress(step / 5, "working", list(range(step)))
        handle.log.info("step %d", step)
    return list(range(100))


def _failing(handle: Any) -> None:
    raise ValueError("at random")


def _short_sleep(handle: Any) -> None:
    handle.sleep(0.005)


def _deaf(handle: Any) -> None:
    time.sleep(0.005)


async def _asynchronous(handle: Any) -> bytes:
    await asyncio.sleep(0.002)
    return bytes(1_000)


if __name__ == "__main__":
    main()
