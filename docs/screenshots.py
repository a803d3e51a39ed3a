"""Take a picture of every page, light and dark, at desk and phone width, into ``docs/screenshots``.

    python -m docs.screenshots            # all of them
    python -m docs.screenshots overview   # one page

The pages of the console show the made-up fleet of ``tests/support/fleet_samples.py``, so that each state there is can
be seen and two runs give the same pictures. The patterns are pages for users: they are taken from the real app.
"""

import io
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from octostar_runtime.ui.queries.pools import pool_key
from tests.support.browser import open_browser
from tests.support.fleet_samples import a_cluster_pool, run_id, session_id
from tests.support.streamlit_server import StreamlitServer

FOLDER = Path(__file__).parent / "screenshots"
#: Picture -> (address, what shows that it is drawn)
PICTURES = {
    "sign-in": ("?as=stranger", ".st-key-oc_signin"),
    "overview": ("", ".oc-tile"),
    "overview-day": ("?span=day", ".oc-tile"),
    "sessions": ("sessions", ".oc-table"),
    "session": (f"sessions?open={session_id(1)[:13]}", "[role=dialog] .oc-facts"),
    "sessions-by-user": ("sessions?tab=users", ".oc-table"),
    "tasks": ("tasks", ".oc-table"),
    "tasks-failed-by-error": ("tasks?group=error", ".oc-table"),
    "tasks-over-time": ("tasks?group=time", ".oc-table"),
    "task-stuck": (f"task?id={run_id(90)}", ".oc-facts"),
    "task-failed": (f"task?id={run_id(23)}", ".oc-facts"),
    "pool": ("pool", ".oc-table"),
    "pool-cluster": (f"pool?pool={pool_key(a_cluster_pool())}", ".oc-table"),
    "nodes": ("nodes", ".oc-table"),
    "idle": ("idle", ".oc-card"),
    "idle-policy": ("idle?tab=policy", "[data-testid=stForm]"),
    "idle-whatif": ("idle?tab=whatif", ".js-plotly-plot"),
    "history": ("history", ".oc-table"),
    "system": ("system", ".oc-table"),
    "system-settings": ("system?tab=settings", ".oc-table"),
    "system-tokens": ("system?tab=tokens", "[data-testid=stForm]"),
}
PATTERNS = {
    "patterns-initialization": ("patterns_initialization", "[data-testid=stHeading]"),
    "patterns-browser": ("patterns_browser", "[data-testid=stHeading]"),
    "patterns-parallelism": ("patterns_parallelism", "[data-testid=stHeading]"),
    "patterns-backend": ("patterns_backend", "[data-testid=stHeading]"),
}
SIZES = {1440: 900, 390: 844}
#: Pictures are cut below this many pixels: enough to see the page, small enough to keep.
TALLEST = 1900
COLOURS = 160


def main(names: list[str]) -> int:
    """Take the pictures that are named, all when none is."""
    FOLDER.mkdir(exist_ok=True)
    wanted = names or [*PICTURES, *PATTERNS]
    with open_browser() as browser:
        if pictures := {name: PICTURES[name] for name in wanted if name in PICTURES}:
            with StreamlitServer("tests/support/console_demo.py", env={"PYTHONPATH": "."}) as server:
                _take(browser, server, pictures)
        if pictures := {name: PATTERNS[name] for name in wanted if name in PATTERNS}:
            with (
                tempfile.TemporaryDirectory(prefix="octostar-") as folder,
                StreamlitServer("app.py", env={"PYTHONPATH": ".", "OCTOSTAR_STATE_DIR": folder}) as server,
            ):
                _take(browser, server, pictures)
    return 0


def _take(browser: Browser, server: StreamlitServer, pictures: Mapping[str, tuple[str, str]]) -> None:
    for theme in ("light", "dark"):
        for width in SIZES:
            with _tab(browser, theme, width) as tab:
                for name, (address, drawn) in pictures.items():
                    _picture(tab, f"{server.url}/{address}", drawn, FOLDER / f"{name}-{theme}-{width}.png", width)


@contextmanager
def _tab(browser: Browser, theme: str, width: int) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": width, "height": SIZES[width]},
        color_scheme="dark" if theme == "dark" else "light",
        timezone_id="UTC",
        reduced_motion="reduce",
    )
    try:
        yield context.new_page()
    finally:
        context.close()


def _picture(tab: Page, url: str, drawn: str, target: Path, width: int) -> None:
    tab.set_viewport_size({"width": width, "height": SIZES[width]})
    tab.goto(url)
    tab.wait_for_selector(drawn, timeout=20_000)
    tab.wait_for_timeout(1_200)  # charts and fonts have no event to wait for
    height = int(tab.evaluate("document.querySelector('.stMain').scrollHeight"))
    tab.set_viewport_size({"width": width, "height": min(max(height, SIZES[width]), TALLEST)})
    tab.wait_for_timeout(600)
    picture = Image.open(io.BytesIO(tab.screenshot())).convert("RGB").quantize(COLOURS)
    picture.save(target, optimize=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
