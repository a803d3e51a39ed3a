"""Look credentials up in the store, at most once in two seconds each, and ride out a store that is away.

Called from any thread, on every request and script run, so the usual answer must cost no I/O.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass

from octostar_runtime.access.secret import digest, plausible
from octostar_runtime.clock import Clock
from octostar_runtime.errors import StoreUnavailable
from octostar_runtime.models.access import Credential
from octostar_runtime.ports import Credentials

#: A revocation anywhere is noticed within this many seconds.
FRESH_S = 2.0
#: While the store cannot be read, a credential that was good this recently still counts: an outage of the store
#: is when operators need the console most.
GRACE_S = 600.0
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class _Answer:
    credential: Credential | None
    at: float  # monotonic


class CredentialLookup:
    """Find the credential behind a secret. Expired and revoked ones are as good as none."""

    def __init__(self, credentials: Credentials, clock: Clock) -> None:
        self._credentials = credentials
        self._clock = clock
        self._lock = threading.Lock()
        self._answers: OrderedDict[str, _Answer] = OrderedDict()

    def cached(self, kind: str, secret: str) -> bool:
        """Whether :meth:`find` would answer without asking the store."""
        if not plausible(kind, secret):
            return True
        with self._lock:
            answer = self._answers.get(digest(secret))
        return answer is not None and self._clock.monotonic() - answer.at < FRESH_S

    def find(self, kind: str, secret: str) -> Credential | None:
        """Return the credential in force; StoreUnavailable when the store is away and the secret is not known."""
        if not plausible(kind, secret):
            return None
        key = digest(secret)
        now = self._clock.monotonic()
        with self._lock:
            answer = self._answers.get(key)
        if answer is None or now - answer.at >= FRESH_S:
            answer = self._ask(key, now, answer)
        credential = answer.credential
        if credential is None or credential.kind != kind or not in_force(credential, self._clock.time()):
            return None
        return credential

    def forget(self) -> None:
        """Ask the store again on the next look-up; after a revocation in this process."""
        with self._lock:
            self._answers.clear()

    def _ask(self, key: str, now: float, before: _Answer | None) -> _Answer:
        try:
            answer = _Answer(self._credentials.find(key), now)
        except StoreUnavailable:
            if before is not None and before.credential is not None and now - before.at < GRACE_S:
                return before
            raise
        with self._lock:
            self._answers[key] = answer
            self._answers.move_to_end(key)
            while len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)
        return answer


def in_force(credential: Credential, at: float) -> bool:
    """Whether the credential is neither expired nor revoked at UTC second ``at``."""
    return credential.revoked_at is None and credential.expires_at > at
