"""What the console costs: CPU and bytes per refresh, first page, search, deep page, many viewers, clicks.

    python -m benchmarks.console [--json] [--quick]

A real Streamlit server over a store with 100,000 runs and a snapshot of 1,000 sessions; viewers are real websockets
that keep messages as a browser does. CPU is the server process's own, less what it uses while nobody watches: the
made-up fleet is made anew each second, however many refreshes fall into that second.
"""

import shutil
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from benchmarks.console_viewer import Refresh, Viewer
from benchmarks.report import Report, parse_options, percentile
from tests.support.streamlit_server import StreamlitServer

#: Live pages and how each is opened.
LIVE = {
    "overview": ("", ""),
    "sessions": ("sessions", ""),
    "tasks": ("tasks", ""),
    "pool": ("pool", ""),
    "nodes": ("nodes", ""),
    "idle": ("idle", ""),
    "history": ("history", ""),
    "system": ("system", ""),
}


def main() -> None:
    """Measure and report."""
    options = parse_options("console", __doc__)
    report = Report("console", quick=options.quick)
    runs = 20_000 if options.quick else 100_000
    folder = Path(tempfile.mkdtemp(prefix="octostar-bench-"))
    try:
        with StreamlitServer(
            "benchmarks/console_app.py", env={"PYTHONPATH": "."}, args=[str(folder), str(runs)]
        ) as server:
            Viewer(server.url, timeout_s=120.0).close()  # the first one fills the store
            measure(report, server, runs, quick=options.quick)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report.finish(as_json=options.json)


def measure(report: Report, server: StreamlitServer, runs: int, *, quick: bool) -> None:
    """Take all figures, the quiet ones first."""
    process = psutil.Process(server.pid)
    rounds = 15 if quick else 40
    for page, query in LIVE.values():  # charts and imports warm up outside of the figures
        Viewer(server.url, page=page, query=query).close()
    alone = unwatched(process, 3.0 if quick else 8.0)
    ticks = {name: refreshes(server.url, process, page, query, rounds, alone) for name, (page, query) in LIVE.items()}
    worst = max(ticks, key=lambda name: statistics.median(cpu for cpu, _ in ticks[name]))
    for name, rows in ticks.items():
        middle = statistics.median(cpu for cpu, _ in rows)
        print(f"  {name:<10} {middle:6.1f} ms  {max(r.received for _, r in rows):6} bytes", file=sys.stderr)
    print(f"  unwatched  {alone * 1000:6.1f} ms a second, taken off above", file=sys.stderr)
    report.add("console.tick_cpu_p50_ms", [cpu for cpu, _ in ticks[worst]], unit="ms")
    report.add("console.tick_bytes", max(r.received for rows in ticks.values() for _, r in rows), unit="bytes")
    still = max(unchanged(server.url, *where) for where in LIVE.values())
    report.add("console.tick_bytes_unchanged", still, unit="bytes")
    firsts = {name: [open_once(server.url, *where) for _ in range(5 if quick else 12)] for name, where in LIVE.items()}
    report.add("console.first_page_p95_ms", max(percentile(took, 0.95) for took in firsts.values()), unit="ms")
    report.add("console.search_p95_ms", search_p95(server.url, 10 if quick else 25, "user4"), unit="ms")
    report.add("console.deep_page_p95_ms", deep_page_p95(server.url, runs, 10 if quick else 25), unit="ms")
    report.add("console.click_p95_ms", click_p95(server.url, 20 if quick else 50), unit="ms")
    report.add("console.viewers20_cpu_percent", viewers_cpu(server.url, process, 8 if quick else 20), unit="%")


def unwatched(process: psutil.Process, seconds: float) -> float:
    """Return the CPU seconds a second that the server uses while nobody watches."""
    time.sleep(1.0)  # the viewers before have just left
    before = cpu_s(process)
    time.sleep(seconds)
    return (cpu_s(process) - before) / seconds


def refreshes(
    url: str, process: psutil.Process, page: str, query: str, rounds: int, alone: float
) -> list[tuple[float, Refresh]]:
    """Return (CPU ms, refresh) per refresh, over blocks of ticks because the CPU clock is coarse."""
    found = []
    with Viewer(url, page=page, query=query) as viewer:
        for _ in range(3):
            viewer.refresh()
        for _ in range(max(rounds // 10, 2)):
            before, began = cpu_s(process), time.monotonic()
            block = []
            for _ in range(10):
                block.append(viewer.refresh())
                time.sleep(0.12)  # so that the snapshot changes now and then, as it does for a real viewer
            used = cpu_s(process) - before - alone * (time.monotonic() - began)
            spent = used / len(block) * 1000
            found += [(spent, one) for one in block]
    return found


def unchanged(url: str, page: str, query: str) -> int:
    """Return the bytes of a refresh in which nothing had changed: the smallest of several in quick succession."""
    with Viewer(url, page=page, query=query) as viewer:
        return min(viewer.refresh().received for _ in range(12))


def open_once(url: str, page: str, query: str) -> float:
    """Return the milliseconds from connecting until the page is drawn."""
    with Viewer(url, page=page, query=query) as viewer:
        return viewer.first.took_s * 1000


def search_p95(url: str, rounds: int, word: str) -> float:
    """Return the p95 of a search for a part of a word; each one differs, so that no answer is a kept one."""
    with Viewer(url, page="tasks") as viewer:
        took = [viewer.open("tasks", f"q={word}{number}").took_s * 1000 for number in range(rounds)]
    return percentile(took, 0.95)


def deep_page_p95(url: str, runs: int, rounds: int) -> float:
    """Return the p95 of a page near the end of the list, sorted by the server."""
    last = runs * 9 // 10 // 50
    with Viewer(url, page="tasks") as viewer:
        took = [viewer.open("tasks", f"page={last - number}").took_s * 1000 for number in range(rounds)]
    return percentile(took, 0.95)


def click_p95(url: str, rounds: int) -> float:
    """Return the p95 of a click's answer on a page that refreshes twice a second meanwhile."""
    with Viewer(url, page="tasks") as viewer:
        took = []
        for number in range(rounds):
            viewer.refresh()
            took.append(viewer.open("tasks", "state=failed" if number % 2 else "state=done").took_s * 1000)
            time.sleep(0.05)
    return percentile(took, 0.95)


def viewers_cpu(url: str, process: psutil.Process, seconds: float, count: int = 20, every_s: float = 2.0) -> float:
    """Return the percent of a core that ``count`` viewers cost who refresh every ``every_s`` seconds."""
    pages = list(LIVE.values())
    viewers = [Viewer(url, page=pages[n % len(pages)][0]) for n in range(count)]
    stop = threading.Event()

    def watch(viewer: Viewer, delay: float) -> None:
        stop.wait(delay)
        while not stop.is_set():
            viewer.refresh()
            stop.wait(every_s)

    idle = unwatched(process, seconds / 2)
    threads = [
        threading.Thread(target=watch, args=(viewer, n * every_s / count), daemon=True)
        for n, viewer in enumerate(viewers)
    ]
    for thread in threads:
        thread.start()
    time.sleep(every_s)
    before = cpu_s(process)
    time.sleep(seconds)
    busy = (cpu_s(process) - before) / seconds
    stop.set()
    for thread in threads:
        thread.join(5)
    for viewer in viewers:
        viewer.close()
    return max(busy - idle, 0.0) * 100


def cpu_s(process: psutil.Process) -> float:
    """Return the CPU seconds the server has used."""
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    main()
