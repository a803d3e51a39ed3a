"""The ended runs that are kept, in the order they ended, found by their id and by their task.

They are filed in a hundred pages, each with tables of its own. In one table of a hundred thousand every entry is made
in cold memory and goes from cold memory, which costs more than the rest of a run's end; the page that is being filled
stays in the processor's cache, and the oldest goes as a whole. A look-up asks the pages, the newest first.

Plain data, guarded by the manager's lock.
"""

from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterator
from typing import Any

from octostar_runtime.tasks.run import Run

#: Pages when as many runs are kept as may be: what a look-up costs.
PAGES = 100


class Page:
    """Runs that ended one after the other."""

    __slots__ = ("by_id", "by_key")

    def __init__(self) -> None:
        self.by_id: dict[str, Run] = {}  # in the order they ended
        self.by_key: dict[Hashable, Run] = {}  # of each task the newest that ended here


class EndedRuns:
    """Iterates oldest first. ``limit`` is about how many there will be, ``page_size`` how many go at once."""

    __slots__ = ("_filled", "_page", "_pages", "page_size")

    def __init__(self, limit: int) -> None:
        self.page_size = max(1, limit // PAGES)
        self._page = Page()
        self._pages = deque([self._page])  # oldest first; only the last may be empty
        self._filled = 0  # runs in the pages but the last

    def add(self, run: Run) -> None:
        """Put in a run that has just ended."""
        page = self._page
        if len(page.by_id) >= self.page_size:
            self._filled += len(page.by_id)
            page = self._page = Page()
            self._pages.append(page)
        page.by_id[run.run_id] = run
        extra = run.extra
        if extra is None or extra.superseded_by is None:  # its successor may have ended before it
            page.by_key[run.key] = run

    def pop(self) -> Run:
        """Take out the oldest."""
        page = self._pages[0]
        run = next(iter(page.by_id.values()))
        if len(page.by_id) == 1:
            self.pop_page()
            return run
        del page.by_id[run.run_id]
        if page.by_key.get(run.key) is run:
            del page.by_key[run.key]
        if page is not self._page:
            self._filled -= 1
        return run

    def pop_page(self) -> Collection[Run]:
        """Take out the oldest, as many as are in their page."""
        page = self._pages.popleft()
        if page is self._page:
            self._page = Page()
            self._pages.append(self._page)
        else:
            self._filled -= len(page.by_id)
        return page.by_id.values()

    def oldest(self) -> Run | None:
        """Return the one that ended first of those that are kept."""
        return next(iter(self._pages[0].by_id.values()), None)

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

    def __len__(self) -> int:
        return self._filled + len(self._page.by_id)

    def __iter__(self) -> Iterator[Run]:
        for page in self._pages:
            yield from page.by_id.values()

    def __reversed__(self) -> Iterator[Run]:
        for page in reversed(self._pages):
            yield from reversed(page.by_id.values())
