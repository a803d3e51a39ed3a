"""When tokens were last used, told to the store in the background: a request never waits for that."""

import logging

from octostar_runtime.clock import Clock
from octostar_runtime.errors import StoreUnavailable
from octostar_runtime.ports import CredentialUses

logger = logging.getLogger(__name__)
#: One token's use is written at most this often, seconds.
EVERY_S = 60.0


class TokenUses:
    """Notes uses (any thread, one dictionary entry) and writes them when it is called for that (one thread)."""

    def __init__(self, store: CredentialUses, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._noted: dict[str, float] = {}  # token → UTC seconds; as many as there are tokens
        self._written: dict[str, float] = {}  # token → monotonic

    def note(self, credential_id: str) -> None:
        """A request came with this token."""
        self._noted[credential_id] = self._clock.time()

    def write(self) -> None:
        """Store what is due; when the store is away it is tried again the next time."""
        if not self._noted:
            return
        now = self._clock.monotonic()
        self._written = {token: at for token, at in self._written.items() if now - at < EVERY_S}
        due = {token: at for token, at in self._noted.copy().items() if token not in self._written}
        if not due:
            return
        try:
            self._store.note_used(due)
        except StoreUnavailable as error:
            logger.debug("the last use of %d tokens is written later: %s", len(due), error)
            return
        for token, at in due.items():
            self._written[token] = now
            if self._noted.get(token) == at:
                del self._noted[token]
