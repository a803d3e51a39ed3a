"""What seeing every session costs, and how soon and how surely it is seen.

Sweeps are measured in this process on 10,000 made-up sessions (with the session state's context switched in for the
callbacks, as the Streamlit bridge does). Everything else runs against a real Streamlit server in a process of its
own, with raw websocket clients; the server notes each event with the machine's monotonic clock.
"""

import asyncio
import contextlib
import gc
import json
import sys
import threading
import time
import urllib.request
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.report import Report, parse_options, percentile
from octostar_runtime.clock import SystemClock
from octostar_runtime.events import EventBus
from octostar_runtime.sessions import SessionRegistry, public_id
from octostar_runtime.sessions.visitor import Visitor
from octostar_runtime.settings import Settings
from tests.support.streamlit_client import StreamlitClient
from tests.support.streamlit_server import StreamlitServer
from tests.support.streamlit_swarm import Tally, churn

APP = Path(__file__).parent / "apps" / "sessions_app.py"
SESSIONS = 10_000
RESUME_S = 2.0


class _ThreadScope:
    """Costs what switching a session's context in and out costs: two writes to the thread's attributes."""

    def enter(self) -> object:
        attributes = threading.current_thread().__dict__
        previous = attributes.get("benchmark_context")
        attributes["benchmark_context"] = self
        return previous

    def exit(self, previous: object) -> None:
        threading.current_thread().__dict__.pop("benchmark_context", None)


def sweeps(report: Report, rounds: int) -> None:
    """CPU of one sweep, without and with callbacks. A sign of life of everybody falls due in between."""
    registry = SessionRegistry(node_id="bench", clock=SystemClock(), sink=EventBus(), settings=Settings())
    for _ in range(SESSIONS):
        session = registry.presence.connected(str(uuid.uuid4()), Visitor(user="somebody"))
        session.hears_pings = True
        session.scope = _ThreadScope()
    live = list(registry.presence.live.values())
    _quiet()
    report.add("sessions.sweep_10k_ms", [_sweep_ms(registry, live, turn) for turn in range(rounds)], unit="ms")
    for session in live:
        registry.on("heartbeat", _nothing, session_id=session.session_id)
    _quiet()
    report.add(
        "sessions.sweep_10k_callbacks_ms", [_sweep_ms(registry, live, turn) for turn in range(rounds)], unit="ms"
    )
    gc.unfreeze()
    registry.close()


def _sweep_ms(registry: SessionRegistry, live: list[Any], turn: int) -> float:
    # browsers answer a ping every 5 s, sweeps come every 2 s: two fifths of the sessions are due in each
    for session in live[turn % 5 * 2000 : turn % 5 * 2000 + 4000]:
        registry.presence.seen(session)
        session.next_check = 0.0
    before = time.process_time()
    registry.monitor.sweep()
    while registry.busy:
        time.sleep(0.001)
    return (time.process_time() - before) * 1000


def _quiet() -> None:
    gc.collect()
    gc.freeze()


def _nothing(_: object) -> None:
    """The no-op callback."""


def visibility(report: Report, server: StreamlitServer, rounds: int) -> None:
    """Connect to row, close to DISCONNECTED, resume time over to end."""
    connects: list[float] = []
    leaves: list[float] = []
    lefts: dict[str, float] = {}
    for _ in range(rounds):
        started = time.monotonic()
        client = StreamlitClient(server.url, run=False)
        client.rerun()  # tells the session's id
        shown = public_id(client.session_id)
        connects.append(_when(server, shown, "session.started") - started)
        left = time.monotonic()
        client.disconnect()
        seen = _wait_when(server, shown, "session.disconnected")
        leaves.append(seen - left)
        lefts[shown] = seen
    report.add("sessions.connect_visible_p95_ms", percentile(connects, 0.95) * 1000, unit="ms")
    report.add("sessions.disconnect_visible_p95_ms", percentile(leaves, 0.95) * 1000, unit="ms")
    time.sleep(RESUME_S + 1)
    errors = [abs(_when(server, shown, "session.ended") - left - RESUME_S) for shown, left in lefts.items()]
    report.add("sessions.end_error_s", max(errors), unit="s")


def churning(report: Report, server: StreamlitServer, tabs: int, seconds: float) -> None:
    """Sessions that come and go: each must start once and end once, and no thread may stay."""
    asyncio.run(churn(server.url, tabs=10, seconds=4))  # whatever is started once is started now
    threads = _told(server)["threads"]
    tally = asyncio.run(churn(server.url, tabs=tabs, seconds=seconds))
    time.sleep(RESUME_S + 1.5)
    told = _told(server)
    wrong = _discrepancies(tally, told["events"])
    grown = _threads_left(server, threads) - threads
    errors = wrong + len(tally.failures)
    if errors or grown > 0:
        sys.stderr.write(f"churn: {wrong} events wrong, {grown} threads more; failed: {tally.failures[:10]}\n")
    report.add("sessions.churn_errors", errors + max(0, grown), unit="errors")
    report.add("sessions.churn_sessions", len(tally.sessions), unit="sessions")


def _threads_left(server: StreamlitServer, before: int) -> int:
    """Workers that were added while callbacks were held up go away once idle; what stays after that has leaked."""
    deadline = time.monotonic() + 8
    while (threads := int(_told(server)["threads"])) > before and time.monotonic() < deadline:
        time.sleep(0.5)
    return threads


def _discrepancies(tally: Tally, events: list[list[Any]]) -> int:
    counts: Counter[tuple[str, str]] = Counter((kind, subject) for kind, subject, _ in events)
    wrong = 0
    for session_id in tally.sessions:
        shown = public_id(session_id)
        wrong += abs(counts["session.started", shown] - 1) + abs(counts["session.ended", shown] - 1)
        gone = counts["session.disconnected", shown] - counts["session.reconnected", shown]
        wrong += abs(gone - 1)
    return wrong


def _told(server: StreamlitServer) -> dict[str, Any]:
    with urllib.request.urlopen(server.url + "/told", timeout=30) as answer:
        told: dict[str, Any] = json.load(answer)
        return told


def _when(server: StreamlitServer, subject: str, kind: str) -> float:
    return next(float(at) for k, s, at in _told(server)["events"] if k == kind and s == subject)


def _wait_when(server: StreamlitServer, subject: str, kind: str) -> float:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with contextlib.suppress(StopIteration):
            return _when(server, subject, kind)
        time.sleep(0.01)
    raise TimeoutError(f"{kind} of {subject} did not come")


def main() -> None:
    """Run all of it."""
    options = parse_options("sessions", __doc__)
    report = Report("sessions", quick=options.quick)
    sweeps(report, rounds=5 if options.quick else 15)
    env = {"OCTOSTAR_SESSION_END_AFTER_S": str(RESUME_S)}
    with StreamlitServer(APP, env=env, options={"server.websocketPingInterval": 5}) as server:
        visibility(report, server, rounds=20 if options.quick else 100)
        churning(report, server, tabs=60 if options.quick else 300, seconds=12 if options.quick else 60)
    report.finish(as_json=options.json)


if __name__ == "__main__":
    main()
