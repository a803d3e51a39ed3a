"""How fast the task manager is, beside the pools an app might use instead.

All contenders take turns in one run, each round in a process of its own with a time limit; a ratio is the median of
the rounds' ratios. The reference needs ``pip install --no-deps -r requirements-reference.txt``.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable

from benchmarks.report import Report, parse_options

_LIMIT_S = 120.0  # seconds; a busy machine may take several times as long as an idle one


def main() -> None:
    """Measure and report."""
    options = parse_options("tasks", __doc__)
    report = Report("tasks", quick=options.quick)
    rounds = 3 if options.quick else 9
    runs = 10_000 if options.quick else 30_000
    _compare(report, rounds, runs, quick=options.quick)
    _alone(report, quick=options.quick)
    report.finish(as_json=options.json)


def _compare(report: Report, rounds: int, runs: int, *, quick: bool) -> None:
    """Throughput and latency of every contender, interleaved."""
    throughput: dict[str, list[float | None]] = {}
    latency: dict[str, list[float | None]] = {}
    ratios: list[float | None] = []
    tries = 400 if quick else 1000
    for number in range(rounds):
        for name in ("ours", "tpe", "reference", "joblib", "asynclit"):
            slow = name in ("reference", "asynclit", "joblib")
            if slow and number >= (1 if quick else 3):
                continue
            size = {"asynclit": 100, "reference": runs // 4, "joblib": runs // 2}.get(name, runs)
            throughput.setdefault(name, []).append(_measure("throughput", name, size))
            if number < 3:
                latency.setdefault(name, []).append(_measure("latency", name, 20 if slow else tries))
        ratios.append(_measure("latency_ratio", "ours", tries))
    _versus(report, "tasks.throughput_ratio", throughput["ours"], throughput["tpe"])
    _versus(report, "tasks.latency_ratio", ratios, [1.0] * len(ratios))
    _versus(report, "tasks.vs_ref_throughput", throughput["ours"], throughput["reference"])
    _versus(report, "tasks.vs_ref_latency", latency["reference"], latency["ours"])
    for name in ("joblib", "asynclit", "reference"):
        _versus(report, f"tasks.{name}_throughput_ratio", throughput[name], throughput["tpe"])
        _versus(report, f"tasks.{name}_latency_ratio", latency[name], latency["tpe"])
    _absolute(report, "tasks.throughput_per_s", throughput["ours"], "runs/s", 1.0)
    _absolute(report, "tasks.latency_p50_ms", latency["ours"], "ms", 1000.0)


def _alone(report: Report, *, quick: bool) -> None:
    """What concerns us alone; sizes are the full ones also when quick, they are cheap."""
    repeats = 1 if quick else 3
    for figure, what, size, unit in (
        ("tasks.idle_wakeups_per_s", "idle", 4 if quick else 10, "1/s"),
        ("tasks.submit_cost_growth", "growth", 100_000, "ratio"),
        ("tasks.retained_bytes_per_run", "retained", 50_000 if quick else 100_000, "bytes"),
        ("tasks.retained_throughput_ratio", "retained_throughput", 100_000, "ratio"),
        ("tasks.fairness_wait_ratio", "fairness", 1_000, "ratio"),
    ):
        _absolute(report, figure, [_measure(what, "ours", size) for _ in range(repeats)], unit, 1.0)


def _ratios(above: list[float | None], below: list[float | None]) -> list[float]:
    """Return the ratio of each round in which both were measured."""
    return [a / b for a, b in zip(above, below, strict=False) if a and b]


def _versus(report: Report, figure: str, above: list[float | None], below: list[float | None]) -> None:
    ratios = _ratios(above, below)
    if ratios:
        report.add(figure, ratios, unit="ratio")
    else:
        print(f"{figure}: left out, a contender is not installed or did not end within {_LIMIT_S:g} s", file=sys.stderr)


def _absolute(report: Report, figure: str, samples: list[float | None], unit: str, scale: float) -> None:
    values = [value * scale for value in samples if value is not None]
    if values:
        report.add(figure, values, unit=unit)
    else:
        print(f"{figure}: left out, it did not end within {_LIMIT_S:g} s", file=sys.stderr)


def _measure(what: str, name: str, size: int) -> float | None:
    """Run one measurement in a fresh process; None when it failed or hung."""
    command = [sys.executable, "-m", "benchmarks.task_rounds", what, name, str(size)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        print(f"{name} {what}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    return float(json.loads(done.stdout.strip().splitlines()[-1]))


def timed(action: Callable[[], object]) -> float:
    """Return how many seconds ``action()`` took."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
