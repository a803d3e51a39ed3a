"""The ended runs that are kept, oldest first, found by their id and by their task.

They are filed in pages of about a thousand, each with tables of its own. In one table of a hundred thousand every entry
is made in cold memory and goes from cold memory, which costs more than the rest of a run's end; the page that is being
filled, and the one that is being emptied, stay in the processor's cache. A look-up asks the pages, the newest first.

Plain data, guarded by the manager's lock.
"""

from collections import deque
from collections.abc import Callable, Hashable
from typing import Any

from octostar_runtime.tasks.run import Run

#: Runs in a page, at least.
PAGE = 1_000
#: Pages when as many runs are kept as may be: what a look-up costs.
PAGES = 200


class Page:
    """Runs that ended one after the other."""

    __slots__ = ("by_id", "by_key")

    def __init__(self) -> None:
        self.by_id: dict[str, Run] = {}
        self.by_key: dict[Hashable, Run] = {}  # of each task the newest that ended here


class EndedRuns:
    """``line`` has them in the order they ended, to be read only. ``limit`` is about how many there will be."""

    __slots__ = ("_page", "_page_size", "_pages", "line")

    def __init__(self, limit: int) -> None:
        self.line: deque[Run] = deque()
        self._page_size = max(PAGE, limit // PAGES)
        self._page = Page()
        self._pages = deque([self._page])  # oldest first

    def add(self, run: Run) -> None:
        """Put in a run that has just ended."""
        self.line.append(run)
        page = self._page
        if len(page.by_id) >= self._page_size:
            page = self._page = Page()
            self._pages.append(page)
        page.by_id[run.run_id] = run
        extra = run.extra
        if extra is None or extra.superseded_by is None:  # its successor may have ended before it
            page.by_key[run.key] = run

    def pop(self) -> Run:
        """Take out the oldest."""
        run = self.line.popleft()
        page = self._pages[0]
        if not page.by_id:  # the last time took its last
            self._pages.popleft()
            page = self._pages[0]
        del page.by_id[run.run_id]
        if page.by_key.get(run.key) is run:
            del page.by_key[run.key]
        return run

    def of_id(self, run_id: str) -> Run | None:
        """Return the run of that id, None when it is not here."""
        for page in reversed(self._pages):
            run = page.by_id.get(run_id)
            if run is not None:
                return run
        return None

    def of_key(self, key: Hashable) -> Run | None:
        """Return the newest run of a task, None when that is not here."""
        for page in reversed(self._pages):
            run = page.by_key.get(key)
            if run is not None:
                return run
        return None

    def rename(self, is_theirs: Callable[[Hashable], bool], renamed: Callable[[Any], Hashable]) -> None:
        """Let ``renamed(key)`` be the task of the runs whose key ``is_theirs``; the later to end is found."""
        for page in self._pages:
            for key in [key for key in page.by_key if is_theirs(key)]:
                run = page.by_key.pop(key)
                run.key = renamed(key)
                page.by_key.setdefault(run.key, run)
