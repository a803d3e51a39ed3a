"""The runs that have not been filed yet, found by their id, in the order they were queued.

In pages of a thousand, as the ended ones are: what a submit costs must not depend on how many wait.

Plain data, guarded by the manager's lock.
"""

from collections.abc import Iterator

from octostar_runtime.tasks.run import Run

#: Runs in a page, at most.
PAGE = 1_000


class LiveRuns:
    """``page`` is the one that is being filled; a run knows its own."""

    __slots__ = ("_pages", "page")

    def __init__(self) -> None:
        self.page: dict[str, Run] = {}
        self._pages = {id(self.page): self.page}  # oldest first; none of them empty, but perhaps the last

    def add(self, run: Run) -> None:
        """Put in a run that has just been queued."""
        page = self.page
        if len(page) >= PAGE:
            page = self.page = {}
            self._pages[id(page)] = page
        page[run.run_id] = run
        run.page = page

    def remove(self, run: Run) -> None:
        """Take out a run; does nothing when it is not here."""
        page, run.page = run.page, None
        if page is None:
            return
        del page[run.run_id]
        if not page and page is not self.page:
            del self._pages[id(page)]

    def get(self, run_id: str) -> Run | None:
        """Return the run of that id, None when it is not here."""
        for page in self._pages.values():
            run = page.get(run_id)
            if run is not None:
                return run
        return None

    def __iter__(self) -> Iterator[Run]:
        for page in self._pages.values():
            yield from page.values()

    def __reversed__(self) -> Iterator[Run]:
        for page in reversed(self._pages.values()):
            yield from reversed(page.values())

    def __len__(self) -> int:
        return sum(map(len, self._pages.values()))
