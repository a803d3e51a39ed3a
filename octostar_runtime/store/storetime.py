"""The store's time: what expiries are judged by, so that nodes whose clocks differ agree.

On PostgreSQL that is the server's clock, reached as this node's clock plus a measured difference. A SQLite file is
used on one machine, which has one clock.
"""

import logging

from sqlalchemy import text

from octostar_runtime.clock import Clock
from octostar_runtime.errors import StoreUnavailable
from octostar_runtime.store.database import Database

logger = logging.getLogger(__name__)


class StoreTime:
    """This node's clock, corrected to the store's."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._ahead_s = 0.0

    def now(self) -> float:
        """Return the UTC second by the store's clock."""
        return self._clock.time() + self._ahead_s

    @property
    def skew_s(self) -> float:
        """How far this node's clock is ahead of the store's, as last measured."""
        return -self._ahead_s

    def measure(self) -> None:
        """Compare the clocks again; keeps the last answer when the store is away."""
        if self._database.is_sqlite:
            return
        try:
            with self._database.read() as connection:
                before = self._clock.time()
                there = connection.execute(text("SELECT extract(epoch FROM clock_timestamp())::float8")).scalar_one()
                after = self._clock.time()
        except StoreUnavailable:
            return
        if before <= after:
            self._ahead_s = float(there) - (before + after) / 2
