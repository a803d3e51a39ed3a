"""What was recorded of an app's use, for replaying a policy over it: sessions, runs, start times, memory.

Asks the store; not for a loop or a live page.
"""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from octostar_runtime.idle.whatif import History, ReplayedService, Stay, Work
from octostar_runtime.models.fleet import FleetSnapshot
from octostar_runtime.models.services import ServiceRecord
from octostar_runtime.ports import EventArchive
from octostar_runtime.store import Store

#: Sessions and runs that are replayed at most; the newest count.
MOST = 100_000
#: What is assumed of a service that was never seen starting, or whose memory cannot be read.
START_S, MEMORY_BYTES = 5.0, 250 * 2**20
_STARTS_SEEN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """A history, and whether everything that was recorded in its window is in it."""

    history: History
    complete: bool


def recorded_usage(store: Store, *, since: float, until: float) -> Usage:
    """Return who was there and what ran from ``since`` to ``until`` (UTC), at most 100,000 of each."""
    sessions = store.sessions.between(since, until, limit=MOST)
    spans = store.runs.spans(since, until, limit=MOST)
    stays = (
        Stay(start=max(s.connected_at, since), end=min(_left_at(s.ended_at, s.disconnected_at, until), until),
             observer=s.observer)
        for s in sessions
    )  # fmt: skip
    works = (Work(start=max(queued, since), end=min(ended or until, until), pool=pool) for queued, ended, pool in spans)
    history = History(
        start=since,
        end=until,
        stays=tuple(stay for stay in stays if stay.end > stay.start),
        works=tuple(work for work in works if work.end > work.start),
    )
    return Usage(history=history, complete=len(sessions) < MOST and len(spans) < MOST)


def _left_at(ended_at: float | None, disconnected_at: float | None, until: float) -> float:
    return ended_at or disconnected_at or until


def replayed(service: ServiceRecord, snapshot: FleetSnapshot, events: EventArchive) -> ReplayedService:
    """Return a service with the start time and the memory that were really seen."""
    return ReplayedService(
        name=service.name,
        kind=service.kind,
        start_s=_start_s(service.name, events),
        memory_bytes=_memory_bytes(service, snapshot),
    )


def _start_s(name: str, events: EventArchive) -> float:
    """The middle of the last starts."""
    seen = events.events(kind="service.ready", subject=name, limit=_STARTS_SEEN)
    times = [float(took) for event in seen if isinstance(took := event.data.get("duration_s"), int | float)]
    return statistics.median(times) if times else START_S


def _memory_bytes(service: ServiceRecord, snapshot: FleetSnapshot) -> int:
    """What its processes hold now: by their own word (the UI is a node), else as this machine tells."""
    told = [_told(node.meta) for node in snapshot.nodes if node.kind == service.name or node.pid == service.pid]
    known = sum(told)
    if known:
        return known
    return _tree_bytes(service.pid) if service.pid is not None else MEMORY_BYTES


def _told(meta: Mapping[str, object]) -> int:
    memory = meta.get("memory")
    return int(memory) if isinstance(memory, int | float) else 0


def _tree_bytes(pid: int) -> int:
    try:
        process = psutil.Process(pid)
        return sum(one.memory_info().rss for one in (process, *process.children(recursive=True))) or MEMORY_BYTES
    except psutil.Error:
        return MEMORY_BYTES
