"""Documents in memory."""

import threading
from collections.abc import Callable, Mapping, Sequence

from octostar_runtime.errors import VersionConflict
from octostar_runtime.store.jsontext import plain


class MemoryDocuments:
    """Versioned documents."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._versions: dict[str, list[tuple[int, float, str | None, Mapping[str, object]]]] = {}

    def load(self, name: str) -> tuple[Mapping[str, object], int] | None:
        """Return the newest document and its version, None when there is none."""
        versions = self._versions.get(name)
        return (plain(versions[-1][3]), versions[-1][0]) if versions else None

    def save(self, name: str, doc: Mapping[str, object], *, expected: int, actor: str | None) -> int:
        """Store the next version; VersionConflict when ``expected`` is not the version now stored (0: none)."""
        with self._lock:
            versions = self._versions.setdefault(name, [])
            if len(versions) != expected:
                raise VersionConflict(
                    f"{name} was saved by somebody else: version {len(versions)} is stored, yours is based on "
                    f"{expected}; load it again and repeat your change",
                    current=len(versions),
                )
            versions.append((expected + 1, self._now(), actor, plain(doc)))
            return expected + 1

    def history(self, name: str, *, limit: int = 20) -> Sequence[tuple[int, float, str | None, Mapping[str, object]]]:
        """Return (version, saved_at, actor, document), newest first."""
        return self._versions.get(name, [])[::-1][:limit]
