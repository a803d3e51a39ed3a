"""Chores of the whole process: publish quiet changes, notice new pools, collect garbage, mind the store."""

import gc
import logging
import time
from collections.abc import Callable, Sequence

from octostar_runtime.errors import StoreUnavailable
from octostar_runtime.periodic import PeriodicThread
from octostar_runtime.store import Publisher, Store

logger = logging.getLogger(__name__)
INTERVAL_S = 2.0
#: Streamlit's own collection after every script run is turned off: it cost more than the run.
COLLECT_EVERY_S = 60.0


class Housekeeping:
    """One thread, a turn every 2 s."""

    def __init__(self, *, publisher: Publisher, store: Store, look_after: Sequence[Callable[[], object]]) -> None:
        self._publisher = publisher
        self._look_after = look_after
        self._store = store
        self._collect_at = time.monotonic() + COLLECT_EVERY_S
        self._thread = PeriodicThread("octostar-housekeeping", self._turn, interval_s=INTERVAL_S)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the turn under way."""
        self._thread.stop()

    def _turn(self) -> None:
        # sessions change by every frame of their browsers, which is no event: they are published at this pace
        self._publisher.on_change()
        for chore in self._look_after:
            chore()
        if time.monotonic() >= self._collect_at:
            self._collect_at = time.monotonic() + COLLECT_EVERY_S
            gc.collect()
        try:
            self._store.tend()
        except StoreUnavailable as error:
            logger.debug("the store is looked after later: %s", error)  # the publisher tells loudly
