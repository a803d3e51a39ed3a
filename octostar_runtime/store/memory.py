"""A store that forgets: everything in this process's memory, for tests, scripts and disks that cannot be written.

The same rules as the store on a database; the contract tests hold both to them. Bounded: the oldest ended rows go.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from octostar_runtime.clock import Clock
from octostar_runtime.errors import InvalidInput, VersionConflict
from octostar_runtime.models.access import Credential
from octostar_runtime.models.events import Event
from octostar_runtime.models.fleet import StoreHealth
from octostar_runtime.models.groups import RunGroups
from octostar_runtime.models.nodes import NodeRecord, NodeState, StoredNode
from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.models.sessions import EndReason, SessionRecord, SessionState
from octostar_runtime.query import parse
from octostar_runtime.settings import Settings
from octostar_runtime.store.anonymous import faceless, nameless, without_person
from octostar_runtime.store.batch import Batch
from octostar_runtime.store.endings import lost_run, lost_session
from octostar_runtime.store.grouping import FAILED as FAILED_VALUES
from octostar_runtime.store.grouping import Sample, Shelf, bucketed, check_key, grouped, stretches
from octostar_runtime.store.jsontext import plain
from octostar_runtime.store.local_commander import LocalCommander
from octostar_runtime.store.runcodec import error_key

#: Seconds in which other nodes may take over what a cluster executes for a node that is gone; then it is lost.
TAKEN_OVER_WITHIN_S = 120.0
FAILED = frozenset({RunState.ERROR, RunState.TIMED_OUT, RunState.LOST})
GONE = frozenset({NodeState.LOST, NodeState.STOPPED})


class MemoryStore:
    """All parts of a store, in memory."""

    def __init__(self, *, clock: Clock, node: NodeRecord, settings: Settings) -> None:
        limit = settings.history_rows
        self.runs = MemoryRuns(clock.time, limit)
        self.sessions = MemorySessions(limit)
        self.events = MemoryEvents(limit)
        self.documents = MemoryDocuments(clock.time)
        self.leases = MemoryLeases(clock.time)
        self.credentials = MemoryCredentials()
        self.nodes = MemoryNodes(self.runs, self.sessions, self.events)
        self.commander = LocalCommander(node_id=node.node_id, clock=clock)

    def write(self, batch: Batch) -> None:
        """Keep a batch."""
        self.runs.write(batch.runs, batch.portable)
        self.sessions.write(batch.sessions)
        self.events.write(batch.events)

    def erase_user(self, user: str) -> int:
        """Remove what is personal of ``user``; return how many rows changed."""
        return (
            self.runs.erase(user) + self.sessions.erase(user) + self.events.erase(user) + self.credentials.erase(user)
        )

    def prune_step(self) -> int:
        """Nothing to do: every part keeps to its bound by itself."""
        return 0

    def health(self) -> StoreHealth:
        """Return that all is well, and that nothing will stay."""
        return StoreHealth(url="memory:", notice="history is kept in memory only and ends with this process")

    def close(self) -> None:
        """Nothing to give back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPage:
    """One page of runs."""

    runs: tuple[RunRecord, ...]
    total: int
    exact: bool = True
    next: str | None = None


class MemoryRuns:
    """Runs by id."""

    def __init__(self, now: Callable[[], float], limit: int) -> None:
        self._now = now
        self._limit = limit
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, RunRecord] = OrderedDict()
        self._portable: dict[str, str] = {}

    def write(self, runs: Sequence[RunRecord], portable: Mapping[str, str] | None = None) -> None:
        """Keep the newer version of each run; an end is final."""
        with self._lock:
            for run in runs:
                before = self._runs.get(run.run_id)
                if before is None or (before.seq < run.seq and (not before.terminal or before.state is run.state)):
                    ended_at = run.ended_at if run.ended_at is not None else run.queued_at
                    self._runs[run.run_id] = replace(run, ended_at=ended_at if run.terminal else None)
            for run_id, text in (portable or {}).items():
                self._portable.setdefault(run_id, text)
            while len(self._runs) > self._limit:
                run_id, _ = self._runs.popitem(last=False)
                self._portable.pop(run_id, None)

    def _all(self) -> list[RunRecord]:
        with self._lock:
            return list(self._runs.values())

    def get(self, run_id: str) -> RunRecord | None:
        """Return the run as it was last stored."""
        return self._runs.get(run_id)

    def find(
        self, query: str, *, limit: int, offset: int = 0, sort: str = "-queued_at", after: str | None = None
    ) -> MemoryPage:
        """Return the runs that ``query`` finds; ``after`` is the ``next`` of the page before."""
        if sort.removeprefix("-") not in SORT_FIELDS:
            raise InvalidInput(
                f"cannot sort by {sort!r}; use one of {', '.join(SORT_FIELDS)}, with a '-' in front to descend"
            )
        if limit < 1 or offset < 0:
            raise InvalidInput("limit must be at least 1 and offset at least 0")
        read = parse(query)
        found = [run for run in self._all() if read.matches(run, self._now())]
        found.sort(key=SORT_FIELDS[sort.removeprefix("-")], reverse=sort.startswith("-"))
        if after and not after.isdecimal():
            raise InvalidInput("the page's cursor cannot be read; start again from the first page")
        start = int(after) if after else offset
        page = tuple(found[start : start + limit])
        more = str(start + limit) if len(found) > start + limit else None
        return MemoryPage(runs=page, total=len(found), next=more)

    def spans(self, since: float, until: float, *, limit: int) -> list[tuple[float, float | None, str]]:
        """Return (queued_at, ended_at, pool) of the runs at work at some time from ``since`` to ``until``."""
        found = [
            run for run in self._all() if run.queued_at < until and (run.ended_at is None or run.ended_at >= since)
        ]
        return [(run.queued_at, run.ended_at, run.pool) for run in found[-limit:]]

    def count(self, query: str) -> int:
        """Return how many runs ``query`` finds."""
        read, now = parse(query), self._now()
        return sum(1 for run in self._all() if read.matches(run, now))

    def counts(self, *, without_node: str | None = None) -> dict[RunState, int]:
        """Return how many runs of each state are kept."""
        return dict(Counter(run.state for run in self._all() if run.node_id != without_node))

    def groups(self, query: str, *, by: str, limit: int = 50) -> RunGroups:
        """Group what ``query`` finds by name, error, user, pool or state, the largest groups first."""
        check_key(by)
        found = self._samples(query, by)
        if by == "error":
            found = [sample for sample in found if sample.state in FAILED_VALUES]
        return grouped(found, limit=limit, exact=True)

    def buckets(self, query: str, *, since: float, until: float, step_s: float) -> RunGroups:
        """Cut the time from ``since`` to ``until`` (UTC) into stretches and say how the runs queued in each fared."""
        samples = self._samples(query, "state")
        return bucketed(
            Shelf(piece, [sample for sample in samples if piece.since <= sample.queued_at < piece.until])
            for piece in stretches(since, until, step_s)
        )

    def _samples(self, query: str, by: str) -> list[Sample]:
        read, now = parse(query), self._now()
        found = [run for run in self._all() if read.matches(run, now)]

        def key(run: RunRecord) -> str | None:
            if by == "error":
                return error_key(run)
            return run.state.value if by == "state" else getattr(run, by)

        return [Sample(key(run) or "", run.state.value, run.queued_at, run.wait_s, run.run_s) for run in found]

    def versions(self, *, without_node: str, limit_live: int, limit_ended: int) -> dict[str, int]:
        """Return ``{run_id: seq}`` of other nodes' live runs and newest ended ones."""
        others = [run for run in self._all() if run.node_id != without_node]
        live = sorted((r for r in others if not r.terminal), key=lambda r: -r.queued_at)[:limit_live]
        ended = sorted((r for r in others if r.terminal), key=lambda r: -(r.ended_at or 0.0))[:limit_ended]
        return {run.run_id: run.seq for run in (*ended, *live)}

    def many(self, run_ids: Sequence[str]) -> list[RunRecord]:
        """Return those of the named runs that are stored."""
        return [run for run_id in run_ids if (run := self._runs.get(run_id)) is not None]

    def failed_since(self, at: float) -> int:
        """Return how many runs failed at or after the UTC second ``at``."""
        return sum(1 for run in self._all() if run.state in FAILED and (run.ended_at or 0.0) >= at)

    def erase(self, user: str) -> int:
        """Remove what is personal of ``user``."""
        with self._lock:
            theirs = [run for run in self._runs.values() if run.user == user]
            for run in theirs:
                self._portable.pop(run.run_id, None)
                self._runs[run.run_id] = without_person(run)
            return len(theirs)

    def portable_arguments(self, run_id: str) -> dict[str, object] | None:
        """Return the arguments with which a run can be repeated on any node."""
        import json

        text = self._portable.get(run_id)
        return None if text is None else dict(json.loads(text))


SORT_FIELDS: Mapping[str, Callable[[RunRecord], tuple[object, ...]]] = {
    "queued_at": lambda run: (run.queued_at, run.run_id),
    "started_at": lambda run: (run.started_at is not None, run.started_at, run.run_id),
    "ended_at": lambda run: (run.ended_at is not None, run.ended_at, run.run_id),
    "name": lambda run: (run.name.casefold(), run.run_id),
    "user": lambda run: ((run.user or "").casefold(), run.run_id),
    "state": lambda run: (run.state.value, run.run_id),
    "pool": lambda run: (run.pool, run.run_id),
    "node_id": lambda run: (run.node_id, run.run_id),
    "wait_s": lambda run: (run.wait_s is not None, run.wait_s, run.run_id),
    "run_s": lambda run: (run.run_s is not None, run.run_s, run.run_id),
}


class MemorySessions:
    """Sessions by id."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, SessionRecord] = OrderedDict()

    def write(self, sessions: Sequence[SessionRecord]) -> None:
        """Keep the newer version of each session; one that has ended stays as it ended."""
        with self._lock:
            for session in sessions:
                before = self._sessions.get(session.session_id)
                if before is None or (before.seq < session.seq and before.state is not SessionState.ENDED):
                    self._sessions[session.session_id] = session
            while len(self._sessions) > self._limit:
                self._sessions.popitem(last=False)

    def get(self, session_id: str) -> SessionRecord | None:
        """Return the session as it was last stored."""
        return self._sessions.get(session_id)

    def _all(self) -> list[SessionRecord]:
        with self._lock:
            return sorted(self._sessions.values(), key=lambda session: session.connected_at)

    def live(self, *, without_node: str | None = None, limit: int = 10_000) -> list[SessionRecord]:
        """Return the sessions that have not ended, newest first."""
        alive = [s for s in self._all() if s.state is not SessionState.ENDED and s.node_id != without_node]
        return alive[::-1][:limit]

    def recent(self, *, without_node: str, ended_since: float, limit: int = 2_000) -> list[SessionRecord]:
        """Return other nodes' sessions: the live ones, and behind them those that ended since ``ended_since``."""
        ended = [s for s in self._all() if s.node_id != without_node and (s.ended_at or 0.0) >= ended_since]
        ended.sort(key=lambda session: -(session.ended_at or 0.0))
        return [*self.live(without_node=without_node, limit=limit), *ended][:limit]

    def between(
        self, since: float, until: float, *, user: str | None = None, limit: int = 100_000
    ) -> Sequence[SessionRecord]:
        """Return the sessions that lived at some time from ``since`` to ``until`` (UTC), oldest first."""
        return [
            session
            for session in self._all()
            if session.connected_at < until
            and (session.ended_at is None or session.ended_at >= since)
            and (user is None or session.user == user)
        ][:limit]

    def erase(self, user: str) -> int:
        """Remove what is personal of ``user``."""
        with self._lock:
            theirs = [session for session in self._sessions.values() if session.user == user]
            for session in theirs:
                self._sessions[session.session_id] = faceless(session)
            return len(theirs)


class MemoryEvents:
    """Events in the order of their ids."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._events: dict[str, Event] = {}

    def write(self, events: Sequence[Event]) -> None:
        """Keep events."""
        with self._lock:
            for event in events:
                self._events.setdefault(event.event_id, event)
            while len(self._events) > self._limit:
                del self._events[next(iter(self._events))]

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
    ) -> Sequence[Event]:
        """Return events, newest first; see the store on a database."""
        with self._lock:
            events = sorted(self._events.values(), key=lambda event: event.event_id, reverse=True)
        folded = text.casefold()
        return [
            event
            for event in events
            if (not kind or event.kind == kind or (kind.endswith(".") and event.kind.startswith(kind)))
            and (not actor or event.actor == actor)
            and (not subject or event.subject == subject)
            and (not audit or event.actor is not None)
            and (before is None or event.event_id < before)
            and (since is None or event.at >= since)
            and (until is None or event.at < until)
            and folded in _searched(event)
        ][: max(1, limit)]

    def erase(self, user: str) -> int:
        """Name ``user`` in no event."""
        with self._lock:
            theirs = [event for event in self._events.values() if user.casefold() in _searched(event)]
            for event in theirs:
                self._events[event.event_id] = nameless(event, user)
            return len(theirs)


def _searched(event: Event) -> str:
    from octostar_runtime.store.eventcodec import event_row

    return str(event_row(event)["search"])


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


class MemoryLeases:
    """Named claims with an expiry."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._leases: dict[str, tuple[str, float, str]] = {}

    def acquire(self, name: str, holder: str, ttl_s: float, *, note: str = "") -> bool:
        """Take or renew the lease; False when somebody else holds it."""
        if ttl_s <= 0:
            raise InvalidInput(f"a lease lasts a positive number of seconds, not {ttl_s}")
        with self._lock:
            now = self._now()
            held = self._leases.get(name)
            if held is not None and held[0] != holder and held[1] > now:
                return False
            self._leases[name] = (holder, now + ttl_s, note)
            return True

    def release(self, name: str, holder: str) -> None:
        """Give the lease back; nothing happens when ``holder`` does not hold it."""
        with self._lock:
            if name in self._leases and self._leases[name][0] == holder:
                del self._leases[name]

    def holders(self, prefix: str = "") -> Sequence[tuple[str, str, float, str]]:
        """Return (name, holder, expires_at UTC, note) of the leases still in force, by name."""
        with self._lock:
            now = self._now()
            return sorted(
                (name, holder, expires_at, note)
                for name, (holder, expires_at, note) in self._leases.items()
                if expires_at > now and name.startswith(prefix)
            )


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


class MemoryNodes:
    """The members of a fleet that shares this memory."""

    def __init__(self, runs: MemoryRuns, sessions: MemorySessions, events: MemoryEvents) -> None:
        self._runs = runs
        self._sessions = sessions
        self._events = events
        self._lock = threading.Lock()
        self._nodes: dict[str, StoredNode] = {}

    def join(self, record: NodeRecord) -> None:
        """Enter a node; its id is new with each process."""
        with self._lock:
            self._nodes[record.node_id] = StoredNode(record=record, beat=1)
        self._say("node.started", record.node_id, record.node_id, record.started_at)

    def beat(
        self,
        node_id: str,
        *,
        at: float,
        state: NodeState = NodeState.OK,
        meta: Mapping[str, object] | None = None,
        status: Mapping[str, object] | None = None,
    ) -> bool:
        """Say that the node lives; False when it was declared lost meanwhile and must not act until it rejoined."""
        with self._lock:
            stored = self._nodes.get(node_id)
            if stored is None or stored.record.state in GONE:
                return False
            record = replace(
                stored.record, heartbeat_at=at, state=state, meta=stored.record.meta if meta is None else plain(meta)
            )
            kept = stored.status if status is None else plain(status)
            self._nodes[node_id] = replace(stored, record=record, beat=stored.beat + 1, status=kept)
            return True

    def rejoin(self, record: NodeRecord, *, at: float) -> int:
        """Bring a node back that was declared lost, as a new incarnation; what it had before stays lost."""
        self.bury(record.node_id, by=record.node_id, at=at)
        with self._lock:
            stored = self._nodes.get(record.node_id)
            if stored is not None:
                back = replace(stored.record, state=NodeState.OK, heartbeat_at=at)
                new = replace(stored, record=back, beat=stored.beat + 1, incarnation=stored.incarnation + 1)
                self._nodes[record.node_id] = new
        if stored is None:
            self.join(record)
            return 1
        self._say("node.rejoined", record.node_id, record.node_id, at)
        return stored.incarnation + 1

    def leave(self, node_id: str, *, at: float) -> None:
        """Say goodbye: the node ends on purpose; whatever it left alive ends with it."""
        if self._go(node_id, NodeState.STOPPED, beat=None):
            self._say("node.stopped", node_id, node_id, at)
        self.bury(node_id, by=node_id, at=at)

    def all(self) -> Sequence[StoredNode]:
        """Return every node there is, the newest first."""
        with self._lock:
            return sorted(self._nodes.values(), key=lambda stored: -stored.record.started_at)

    def declare_lost(self, node_id: str, *, beat: int, by: str, at: float) -> bool:
        """Declare a node lost whose heart still stands at ``beat``; False when it moved, or somebody was faster."""
        if not self._go(node_id, NodeState.LOST, beat=beat):
            return False
        self._say("node.lost", node_id, by, at)
        self.bury(node_id, by=by, at=at)
        return True

    def _go(self, node_id: str, state: NodeState, *, beat: int | None) -> bool:
        with self._lock:
            stored = self._nodes.get(node_id)
            if stored is None or stored.record.state in GONE or (beat is not None and stored.beat != beat):
                return False
            self._nodes[node_id] = replace(stored, record=replace(stored.record, state=state))
            return True

    def bury(self, node_id: str, *, by: str, at: float) -> int:
        """End what a lost or stopped node left alive; return how much."""
        stored = self._nodes.get(node_id)
        if stored is None or stored.record.state not in GONE:
            return 0
        because = f"node {node_id} is gone; what it executed or held in its queue is lost"
        left = [run for run in self._runs._all() if run.node_id == node_id and not run.terminal]
        if at - stored.record.heartbeat_at < TAKEN_OVER_WITHIN_S:
            left = [run for run in left if run.elsewhere is None]
        self._runs.write([lost_run(run, at, because) for run in left])
        for run in left:
            self._say("run.lost", run.run_id, by, at, because)
        reason = EndReason.LOST if stored.record.state is NodeState.LOST else EndReason.SERVER_STOP
        open_sessions = [session for session in self._sessions.live() if session.node_id == node_id]
        self._sessions.write([lost_session(session, at, reason) for session in open_sessions])
        for session in open_sessions:
            self._say("session.ended", session.session_id, by, at, reason.value)
        return len(left) + len(open_sessions)

    def take_over(self, run_id: str, *, from_node: str, to_node: str) -> bool:
        """Let a run that goes on elsewhere belong to another node; False when it has ended or somebody was faster."""
        run = self._runs.get(run_id)
        if run is None or run.terminal or run.node_id != from_node:
            return False
        self._runs.write([replace(run, node_id=to_node, seq=run.seq + 1)])
        return True

    def unburied(self) -> Sequence[str]:
        """Return the nodes that are gone and whose runs or sessions still look alive; here there are none."""
        return []

    def _say(self, kind: str, subject: str, node_id: str, at: float, reason: str | None = None) -> None:
        self._events.write([Event(kind=kind, subject=subject, at=at, node_id=node_id, reason=reason)])
