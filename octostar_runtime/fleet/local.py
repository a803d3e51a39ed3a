"""What this process can say of itself, as functions: the fleet asks, it does not know who answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from octostar_runtime.models.fleet import HostSample, StoreHealth
from octostar_runtime.models.pools import PoolRecord
from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.models.services import ServiceRecord
from octostar_runtime.models.sessions import CallbackRecord, SessionRecord


def _nothing() -> tuple[()]:
    return ()


def _none() -> None:
    return None


def _empty() -> Mapping[str, object]:
    return {}


def _no_policy() -> tuple[str | None, int]:
    return None, 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalNode:
    """Answers about this process. Each is called about once a second, from the fleet's threads, and must be quick.

    ``runs`` are this node's live runs and its newest ended ones, newest first, as many as are shown; ``counts`` and
    ``oldest_queued_at`` are about all of them. ``policy`` is (mode, version).
    """

    runs: Callable[[], Sequence[RunRecord]] = _nothing
    counts: Callable[[], Mapping[RunState, int]] = field(default=dict)
    oldest_queued_at: Callable[[], float | None] = _none
    sessions: Callable[[], Sequence[SessionRecord]] = _nothing
    pools: Callable[[], Sequence[PoolRecord]] = _nothing
    services: Callable[[], Sequence[ServiceRecord]] = _nothing
    callbacks: Callable[[], Sequence[CallbackRecord]] = _nothing
    host: Callable[[], HostSample | None] = _none
    host_history: Callable[[], Sequence[HostSample]] = _nothing
    host_day: Callable[[], Sequence[HostSample]] = _nothing
    store_health: Callable[[], StoreHealth | None] = _none
    policy: Callable[[], tuple[str | None, int]] = _no_policy
    meta: Callable[[], Mapping[str, object]] = _empty
