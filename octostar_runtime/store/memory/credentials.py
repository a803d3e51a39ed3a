"""Credentials in memory."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

from octostar_runtime.models.access import Credential


class MemoryCredentials:
    """Credentials by digest."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_id: dict[str, Credential] = {}

    def put(self, credential: Credential) -> None:
        """Store a credential, or what changed of it."""
        with self._lock:
            before = self._by_id.get(credential.credential_id)
            if before is not None and before.revoked_at is not None:
                credential = replace(credential, revoked_at=before.revoked_at)
            self._by_id[credential.credential_id] = credential

    def find(self, digest: str) -> Credential | None:
        """Return the credential of that digest, whether or not it is still good."""
        with self._lock:
            return next((each for each in self._by_id.values() if each.digest == digest), None)

    def consume(self, digest: str, *, at: float) -> Credential | None:
        """Revoke and return a one-use credential in one atomic step; None when unknown, used or expired."""
        with self._lock:
            for each in self._by_id.values():
                if each.digest == digest and each.revoked_at is None and each.expires_at > at:
                    used = replace(each, revoked_at=at, last_used_at=at)
                    self._by_id[each.credential_id] = used
                    return used
            return None

    def revoke(self, credential_id: str, *, at: float) -> bool:
        """Revoke a credential; False when it is unknown or revoked already."""
        with self._lock:
            each = self._by_id.get(credential_id)
            if each is None or each.revoked_at is not None:
                return False
            self._by_id[credential_id] = replace(each, revoked_at=at)
            return True

    def note_used(self, at: Mapping[str, float]) -> None:
        """Store when each of these credentials was used, UTC seconds by id; unknown ones are passed over."""
        with self._lock:
            for credential_id, used_at in at.items():
                known = self._by_id.get(credential_id)
                if known is not None and (known.last_used_at or 0.0) < used_at:
                    self._by_id[credential_id] = replace(known, last_used_at=used_at)

    def erase(self, user: str) -> int:
        """Forget the credentials of ``user``."""
        with self._lock:
            theirs = [each.credential_id for each in self._by_id.values() if each.subject == user]
            for credential_id in theirs:
                del self._by_id[credential_id]
            return len(theirs)

    def all(self, kind: str) -> Sequence[Credential]:
        """Return all credentials of a kind, newest first."""
        with self._lock:
            return sorted((c for c in self._by_id.values() if c.kind == kind), key=lambda c: -c.created_at)
