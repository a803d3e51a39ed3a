"""The form in which every benchmark gives its figures, and the options they all share.

    options = parse_options("tasks", __doc__)
    report = Report("tasks", quick=options.quick)
    report.add("tasks.latency_ratio", samples, unit="ratio")   # the value is the samples' median
    report.finish(as_json=options.json)

The bounds the figures must keep are not written in the benchmarks: who measures does not also judge.
"""

import argparse
import json
import os
import platform
import signal
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured value; ``samples`` are the rounds it is the middle of."""

    id: str
    value: float
    unit: str
    samples: tuple[float, ...] = ()


class Report:
    """Collect figures, show each as it comes, and print them all at the end."""

    def __init__(self, benchmark: str, *, quick: bool = False) -> None:
        self.benchmark = benchmark
        self.quick = quick
        self.figures: list[Figure] = []

    def add(self, figure_id: str, samples: Sequence[float] | float, *, unit: str) -> Figure:
        """Record a figure: a single value, or samples whose median is the value."""
        rounds = tuple(float(s) for s in samples) if isinstance(samples, Sequence) else ()
        value = statistics.median(rounds) if isinstance(samples, Sequence) else float(samples)
        figure = Figure(id=figure_id, value=_rounded(value), unit=unit, samples=tuple(map(_rounded, rounds)))
        self.figures.append(figure)
        spread = f"   ({min(rounds):.4g} .. {max(rounds):.4g}, {len(rounds)} rounds)" if len(rounds) > 1 else ""
        print(f"{figure_id:<36} {value:>12.4g} {unit}{spread}", file=sys.stderr, flush=True)
        return figure

    def finish(self, *, as_json: bool) -> None:
        """Print the figures; with ``as_json`` the last line of standard output is one JSON object."""
        if as_json:
            print(json.dumps(self.as_dict()), flush=True)
            return
        print(f"{self.benchmark} on {_machine_line()}{' (quick)' if self.quick else ''}")
        for figure in self.figures:
            print(f"{figure.id:<36} {figure.value:>12.4g} {figure.unit}")

    def as_dict(self) -> dict[str, object]:
        """Return what ``--json`` prints."""
        figures = [
            {"id": f.id, "value": f.value, "unit": f.unit, **({"samples": list(f.samples)} if f.samples else {})}
            for f in self.figures
        ]
        quick = {"quick": True} if self.quick else {}
        return {"benchmark": self.benchmark, "machine": machine(), "figures": figures, **quick}


def parse_options(
    benchmark: str, description: str | None, extend: Callable[[argparse.ArgumentParser], object] | None = None
) -> argparse.Namespace:
    """Read ``--json`` and ``--quick``, and whatever ``extend(parser)`` adds, from the command line.

    From here on a request to end (SIGTERM) is heeded as Ctrl-C is, so that the servers a benchmark has started end too.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{benchmark}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object on the last line")
    parser.add_argument("--quick", action="store_true", help="smaller sizes, done within 50 s")
    if extend is not None:
        extend(parser)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    return options


def machine() -> dict[str, object]:
    """Return what the figures were measured on."""
    return {
        "cpus": _usable_cpus(),
        "cpu": _cpu_model(),
        "memory_mb": _memory_mb(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_1m": round(os.getloadavg()[0], 2),
    }


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which ``share`` (0..1) of ``values`` lie (nearest rank)."""
    if not values:
        raise ValueError("no values to take a percentile of; measure at least one")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")


def _machine_line() -> str:
    facts = machine()
    return f"{facts['cpus']} x {facts['cpu']}, {facts['memory_mb']} MB, Python {facts['python']}"


def _usable_cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_mb() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
