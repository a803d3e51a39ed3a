"""Which runs of a session's script are its user's and which only refresh a part of the page, and when each happened.

Used on the server's event loop, but for :meth:`RunWatch.stamp`, which the script's own thread calls: a busy loop must
not make runs look longer or shorter than they are.
"""

import time
from collections import deque
from collections.abc import Iterable

_KEPT_STAMPS = 1_000


class RunWatch:
    """The runs of one session."""

    __slots__ = ("_auto_fragments", "_stamps", "asked", "counts")

    def __init__(self) -> None:
        self.asked = False  # whether the browser ever asked for a run
        self.counts = True  # whether the run that goes on is more than an automatic refresh
        self._auto_fragments: set[str] = set()
        self._stamps: deque[float] = deque(maxlen=_KEPT_STAMPS)

    def asked_for(self, fragment_id: str, *, auto: bool) -> None:
        """The browser asked for a run; ``auto`` when a timer of the page did and nobody touched anything."""
        self.asked = True
        if auto:
            self._auto_fragments.add(fragment_id)
        else:
            self._auto_fragments.discard(fragment_id)

    def refreshes(self, fragment_id: str) -> None:
        """We are about to rerun this fragment ourselves."""
        self._auto_fragments.add(fragment_id)

    def stamp(self) -> None:
        """Note the moment of a script event; on the script's thread."""
        self._stamps.append(time.monotonic())

    def next_stamp(self) -> float:
        """Return the moment of the oldest event not yet handled; now when none was noted."""
        return self._stamps.popleft() if self._stamps else time.monotonic()

    def begins(self, fragments: Iterable[str] | None) -> None:
        """A run begins, of these fragments alone or (none) of the whole script."""
        chosen = set(fragments or ())
        self.counts = not chosen or not self._auto_fragments.issuperset(chosen)
        if not chosen:
            self._auto_fragments.clear()
