"""How long a console that is installed already takes from ``./main.sh`` to its first answer and first script run.

Each round starts the real thing on free ports with a state directory of its own and stops it again.
"""

import time
from collections.abc import Callable
from pathlib import Path

import httpx

from benchmarks.report import Report, parse_options
from tests.support.running_app import RunningApp
from tests.support.streamlit_client import StreamlitClient

PATIENCE_S = 60.0


def main() -> None:
    """Measure and print."""
    options = parse_options("start", __doc__)
    report = Report("start", quick=options.quick)
    rounds = [measure() for _ in range(2 if options.quick else 5)]
    report.add("start.http_s", [answered for answered, _ in rounds], unit="s")
    report.add("start.first_run_s", [ran for _, ran in rounds], unit="s")
    report.finish(as_json=options.json)


def measure() -> tuple[float, float]:
    """Return the seconds until ``/`` answers 200 through nginx, and until a script has run on a websocket."""
    app = RunningApp(command=["./main.sh"], cwd=Path(__file__).resolve().parents[1])
    began = time.monotonic()
    app.launch()
    try:
        answered = _until(lambda: httpx.get(app.url + "/", timeout=PATIENCE_S).status_code == 200, began)
        ran = _until(lambda: _runs(app), began)
        app.stop()
    finally:
        app.discard()
    return answered, ran


def _runs(app: RunningApp) -> bool:
    with StreamlitClient(app.url, timeout_s=PATIENCE_S) as client:
        return client.page.runs_finished >= 1


def _until(done: Callable[[], bool], began: float) -> float:
    while time.monotonic() - began < PATIENCE_S:
        try:
            if done():
                return time.monotonic() - began
        except (httpx.TransportError, OSError):
            pass
        time.sleep(0.02)
    raise SystemExit(f"the console did not come up within {PATIENCE_S:.0f} s")


if __name__ == "__main__":
    main()
