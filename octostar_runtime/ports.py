"""Small contracts between capabilities, so that none of them knows another's adapters."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from octostar_runtime.models.access import Credential
from octostar_runtime.models.calls import KeyedCall
from octostar_runtime.models.commands import CommandRecord
from octostar_runtime.models.events import Event
from octostar_runtime.models.groups import RunGroups
from octostar_runtime.models.runs import RunRecord


class EventSink(Protocol):
    """Where capabilities say what happened; :class:`octostar_runtime.events.EventBus` is one."""

    def publish(self, event: Event) -> None: ...


class RunArchive(Protocol):
    """Runs that this process no longer holds, and runs of other nodes."""

    def get(self, run_id: str) -> RunRecord | None: ...

    def find(
        self, query: str, *, limit: int, offset: int = 0, sort: str = "-queued_at", after: str | None = None
    ) -> "RunPage":
        """Return one page; ``after`` is the ``next`` of the page before, and then ``offset`` does not count."""
        ...

    def count(self, query: str) -> int: ...

    def groups(self, query: str, *, by: str, limit: int = 50) -> RunGroups:
        """Return what ``query`` finds by "name", "error", "user", "pool" or "state", most failures first."""
        ...

    def buckets(self, query: str, *, since: float, until: float, step_s: float) -> RunGroups:
        """Return what ``query`` finds by when it was queued, in stretches of ``step_s`` seconds, the oldest first."""
        ...


class RunPage(Protocol):
    """One page of runs and how many match in all."""

    @property
    def runs(self) -> Sequence[RunRecord]: ...

    @property
    def total(self) -> int: ...

    @property
    def exact(self) -> bool:
        """Whether ``total`` is all there are; else there are more, and counting them would take long."""
        ...

    @property
    def next(self) -> str | None: ...


class EventArchive(Protocol):
    """Stored history."""

    def events(
        self,
        *,
        kind: str = "",
        actor: str = "",
        text: str = "",
        audit: bool = False,
        before: str | None = None,
        limit: int = 100,
        subject: str = "",
        since: float | None = None,
        until: float | None = None,
    ) -> Sequence[Event]: ...


class Documents(Protocol):
    """Versioned documents, such as the idle policy."""

    def load(self, name: str) -> tuple[Mapping[str, object], int] | None:
        """Return the newest document and its version, None when there is none."""
        ...

    def save(self, name: str, doc: Mapping[str, object], *, expected: int, actor: str | None) -> int:
        """Store the next version; VersionConflict when ``expected`` is not the version now stored (0: none)."""
        ...

    def history(self, name: str, *, limit: int = 20) -> Sequence[tuple[int, float, str | None, Mapping[str, object]]]:
        """Return (version, saved_at, actor, document), newest first."""
        ...


class Leases(Protocol):
    """Named claims with an expiry, the same for every node that shares the store."""

    def acquire(self, name: str, holder: str, ttl_s: float, *, note: str = "") -> bool:
        """Take or renew the lease; False when somebody else holds it."""
        ...

    def release(self, name: str, holder: str) -> None: ...

    def holders(self, prefix: str = "") -> Sequence[tuple[str, str, float, str]]:
        """Return (name, holder, expires_at UTC, note) of the leases still in force."""
        ...


class Credentials(Protocol):
    """Stored credentials; secrets themselves are never kept."""

    def put(self, credential: Credential) -> None: ...

    def find(self, digest: str) -> Credential | None: ...

    def consume(self, digest: str, *, at: float) -> Credential | None:
        """Revoke and return a one-use credential in one atomic step; None when unknown, used or expired."""
        ...

    def revoke(self, credential_id: str, *, at: float) -> bool: ...

    def all(self, kind: str) -> Sequence[Credential]: ...


class CredentialUses(Protocol):
    """Where it is kept when credentials were last used."""

    def note_used(self, at: Mapping[str, float]) -> None:
        """Store when each of these credentials was used, UTC seconds by id; unknown ones are passed over."""
        ...


class StoredCredentials(Credentials, CredentialUses, Protocol):
    """A store's credentials, whole."""


class CallKeys(Protocol):
    """Keys with which callers repeat a request that shall run once, the same for every node that shares the store."""

    def claim(self, key: str, content: str) -> KeyedCall | None:
        """Take the key for a request, in one atomic step; return whose it is when somebody has it."""
        ...

    def settle(self, key: str, run_id: str) -> None:
        """Note the run that the request with the key has started."""
        ...

    def free(self, key: str) -> None:
        """Give a key back of which no run came."""
        ...


class Commander(Protocol):
    """Send a command to a node and wait for its acknowledgement. A local target is a direct call."""

    def send(
        self,
        target: str,
        kind: str,
        args: Mapping[str, object],
        *,
        actor: str | None,
        reason: str | None = None,
        timeout_s: float = 5.0,
        key: str | None = None,
    ) -> CommandRecord:
        """Return the finished command; CommandFailed says why it was refused or that nobody took it up."""
        ...

    def handle(self, kind: str, handler: Callable[[CommandRecord], Mapping[str, object] | None]) -> None:
        """Register what this node does for commands of ``kind``."""
        ...
