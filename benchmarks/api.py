"""The API under load: light reads through nginx beside console viewers, and a scrape of a large fleet.

Starts the whole console (UI, API, nginx) on free ports and stops it again.
"""

import sys
import threading
import time
from dataclasses import replace

import httpx

from benchmarks.console_viewer import Viewer
from benchmarks.report import Report, parse_options
from octostar_runtime.models.fleet import FleetSnapshot
from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.telemetry.prometheus import Metrics
from octostar_runtime.telemetry.run_totals import RunTotals
from octostar_runtime.telemetry.session_totals import SessionTotals
from tests.support import fleet_samples as samples
from tests.support.running_app import RunningApp

RATE = 50
READS = ("/api/health", "/api/me", "/api/sessions?limit=20", "/api/pools", "/api/runs?limit=20")
SESSIONS, RUNS = 1_000, 100_000


def main() -> None:
    """Measure and print."""
    options = parse_options("api", __doc__)
    report = Report("api", quick=options.quick)
    report.add("api.scrape_ms", scrape_ms(rounds=5 if options.quick else 20), unit="ms")
    seconds, viewers = (10, 5) if options.quick else (60, 20)
    latencies, errors = light_reads(seconds=seconds, viewers=viewers)
    ordered = sorted(latencies)
    report.add("api.light_read_p95_ms", ordered[int(len(ordered) * 0.95)] * 1000, unit="ms")
    report.add("api.light_read_errors", float(errors), unit="requests")
    report.finish(as_json=options.json)


def scrape_ms(*, rounds: int) -> list[float]:
    """Time one scrape: 1,000 sessions, and a snapshot with all of 100,000 runs that changed since the scrape before."""
    runs = tuple(_run(number) for number in range(RUNS))
    sessions = tuple(samples.a_session(number) for number in range(SESSIONS))
    base = samples.sample_snapshot()
    current: list[FleetSnapshot] = []
    totals, followed = RunTotals(), SessionTotals()
    metrics = Metrics(lambda: current[-1], totals, followed)
    times = []
    for turn in range(rounds + 1):
        current.append(replace(base, sessions=sessions, runs=runs[turn:], taken_at=float(turn)))
        began = time.perf_counter()
        totals.follow(current[-1])
        followed.follow(current[-1])
        metrics.render()
        times.append((time.perf_counter() - began) * 1000)
    return times[1:]


def _run(number: int) -> RunRecord:
    return RunRecord(
        run_id=f"run-{number}",
        task_id=f"task-{number}",
        name=f"report-{number % 20}",
        pool="default",
        node_id="node",
        state=RunState.SUCCESS,
        seq=3,
        queued_at=0.0,
        started_at=0.0,
        ended_at=1.0,
        wait_s=0.01,
        run_s=0.5,
    )


def light_reads(*, seconds: float, viewers: int) -> tuple[list[float], int]:
    """Return the latencies of 50 reads a second for that long, and how many failed."""
    stop = threading.Event()
    with RunningApp() as app:
        cookie = app.sign_in()
        watching = [threading.Thread(target=_watch, args=(app.url, cookie, stop), daemon=True) for _ in range(viewers)]
        for thread in watching:
            thread.start()
        time.sleep(min(10.0, seconds / 3))
        try:
            with httpx.Client(base_url=app.url, headers={"Authorization": f"Bearer {app.token}"}) as client:
                return _ask(client, seconds)
        finally:
            stop.set()
            for thread in watching:
                thread.join(10)


def _watch(url: str, cookie: str, stop: threading.Event) -> None:
    try:
        with Viewer(url, cookie=cookie) as viewer:
            while not stop.wait(2.0):
                viewer.refresh()
    except Exception as error:  # noqa: BLE001 - a viewer that fails must be told, not end the measurement
        print(f"a viewer left: {type(error).__name__}: {error}", file=sys.stderr)


def _ask(client: httpx.Client, seconds: float) -> tuple[list[float], int]:
    latencies: list[float] = []
    errors = 0
    began = time.perf_counter()
    for number in range(int(seconds * RATE)):
        due = began + number / RATE
        time.sleep(max(0.0, due - time.perf_counter()))
        asked = time.perf_counter()
        try:
            errors += client.get(READS[number % len(READS)]).status_code != 200
        except httpx.HTTPError:
            errors += 1
        # from when it was due: a slow answer must not hide the wait of those behind it
        latencies.append(time.perf_counter() - min(asked, due) if number else time.perf_counter() - asked)
    return latencies, errors


if __name__ == "__main__":
    main()
