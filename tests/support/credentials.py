"""Stored credentials in a dict, for tests of sign-in that need no store."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from octostar_runtime.errors import StoreUnavailable
from octostar_runtime.models.access import Credential


class DictCredentials:
    """Satisfies ``ports.Credentials``; ``away`` plays a store that cannot be reached."""

    def __init__(self) -> None:
        self.kept: dict[str, Credential] = {}
        self.away = False
        self.reads = 0

    def put(self, credential: Credential) -> None:
        self._reach()
        self.kept[credential.credential_id] = credential

    def find(self, digest: str) -> Credential | None:
        self._reach()
        self.reads += 1
        return next((c for c in self.kept.values() if c.digest == digest), None)

    def consume(self, digest: str, *, at: float) -> Credential | None:
        found = self.find(digest)
        if found is None or found.revoked_at is not None or found.expires_at <= at:
            return None
        self.kept[found.credential_id] = replace(found, revoked_at=at)
        return found

    def revoke(self, credential_id: str, *, at: float) -> bool:
        self._reach()
        found = self.kept.get(credential_id)
        if found is None or found.revoked_at is not None:
            return False
        self.kept[credential_id] = replace(found, revoked_at=at)
        return True

    def all(self, kind: str) -> Sequence[Credential]:
        self._reach()
        return [c for c in self.kept.values() if c.kind == kind]

    def note_used(self, at: Mapping[str, float]) -> None:
        self._reach()
        for credential_id, used_at in at.items():
            self.kept[credential_id] = replace(self.kept[credential_id], last_used_at=used_at)

    def _reach(self) -> None:
        if self.away:
            raise StoreUnavailable("the store is away")
