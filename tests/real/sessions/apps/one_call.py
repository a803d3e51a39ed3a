"""A plain script: the first two lines are all it does for its sessions. The rest is the test's window and its pages."""

import octostar_runtime as octostar

octostar.show_messages()

import os  # noqa: E402
import runpy  # noqa: E402
from pathlib import Path  # noqa: E402

from octostar_runtime import anchor  # noqa: E402
from tests.real.sessions.apps.window import Window  # noqa: E402


def _open_window() -> Window:
    runtime = octostar.get_runtime()
    runtime.sessions.set_console_pages(lambda page: page.startswith("console"))
    window = Window(runtime.sessions, runtime.bus)
    window.serve(int(os.environ["WINDOW_PORT"]))
    return window


anchor.get_or_create("window", _open_window)
runpy.run_path(str(Path(__file__).parent / "pages" / "script.py"))
