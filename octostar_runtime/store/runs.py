"""The archive of runs: what this node no longer holds, and what other nodes ran."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import ColumnElement, Connection, and_, func, select

from octostar_runtime.errors import InvalidInput
from octostar_runtime.models.groups import RunGroups
from octostar_runtime.models.runs import EXECUTING, RunRecord, RunState
from octostar_runtime.query import Field, Query, Term, parse
from octostar_runtime.store.database import Database
from octostar_runtime.store.filters import condition_of, states_of
from octostar_runtime.store.grouping import FAILED, stretches
from octostar_runtime.store.jsontext import load
from octostar_runtime.store.prepared import chunks
from octostar_runtime.store.runcodec import READ, run_of
from octostar_runtime.store.rungroups import buckets_of, faults_of, groups_of
from octostar_runtime.store.runpages import Found, kept, page_of
from octostar_runtime.store.schema import run, tally
from octostar_runtime.store.textindex import ALL, MOST_CANDIDATES, at_least, candidates, common_candidates, match_of

Condition = ColumnElement[bool]
MAX_LIMIT = 10_000
SMALL = 10  # a part of less than one in so many is worth being put together with common words
COLUMNS = [run.c[name] for name in READ]
LAST_ENDED = run.c.ended_at.desc().nulls_last()  # said, or PostgreSQL would not see that its index is in this order


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRuns:
    """One page of runs. ``next`` continues behind the last of them, None when there is no more.

    ``total`` is how many there are in all, or, when ``exact`` is false, a number there are more of.
    """

    runs: tuple[RunRecord, ...]
    total: int
    exact: bool = True
    next: str | None = None


class SqlRuns:
    """Runs in the store. Every method is one or two short queries; StoreUnavailable when there is no store."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    def get(self, run_id: str) -> RunRecord | None:
        """Return the run as it was last stored."""
        with self._database.read() as connection:
            row = connection.execute(select(*COLUMNS).where(run.c.run_id == run_id)).mappings().first()
        return None if row is None else run_of(row)

    def find(
        self, query: str, *, limit: int, offset: int = 0, sort: str = "-queued_at", after: str | None = None
    ) -> FoundRuns:
        """Return the runs that ``query`` finds; ``after`` is the ``next`` of the page before.

        QueryInvalid when the query, InvalidInput when the order, the limit or the cursor cannot be read.
        """
        read, size, skipped = parse(query), _checked("limit", limit), _checked("offset", offset)
        with self._database.read() as connection:
            found = self._searched(connection, read)
            page = page_of(connection, found, sort=sort, limit=size, offset=0 if after else skipped, after=after)
            # The page is found by narrow indexes alone; only its own rows are read whole.
            records: dict[int, RunRecord] = {}
            for some in chunks(page.ids):
                rows = connection.execute(select(run.c.id, *COLUMNS).where(run.c.id.in_(some))).mappings()
                records.update((row["id"], run_of(row)) for row in rows)
        return FoundRuns(
            runs=tuple(records[row_id] for row_id in page.ids if row_id in records),
            total=page.total,
            exact=page.exact,
            next=page.next,
        )

    def count(self, query: str) -> int:
        """Return how many runs ``query`` finds."""
        with self._database.read() as connection:
            condition = self._searched(connection, parse(query)).condition
            return connection.execute(select(func.count()).select_from(run).where(condition)).scalar_one()

    def counts(self, *, without_node: str | None = None) -> dict[RunState, int]:
        """Return how many runs of each state are kept, optionally leaving one node's out."""
        live = select(run.c.state, func.count()).where(run.c.ended_at.is_(None)).group_by(run.c.state)
        ended = select(tally.c.state, func.sum(tally.c.n)).group_by(tally.c.state)
        if without_node is not None:
            live = live.where(run.c.node_id != without_node)
            ended = ended.where(tally.c.node_id != without_node)
        with self._database.read() as connection:
            rows = [*connection.execute(live), *connection.execute(ended)]
        return {RunState(state): int(n) for state, n in rows if n}

    def groups(self, query: str, *, by: str, limit: int = 50) -> RunGroups:
        """Group the newest runs that ``query`` finds by name, error, user, pool or state.

        By error only what failed is looked at. InvalidInput when ``by`` is something else.
        """
        read = parse(query)
        with self._database.read() as connection:
            states = states_of(read)
            if by == "error" and states is not None:
                return faults_of(connection, states, limit=limit)
            return groups_of(connection, self._searched(connection, read).condition, by=by, limit=limit)

    def buckets(self, query: str, *, since: float, until: float, step_s: float) -> RunGroups:
        """Cut the time from ``since`` to ``until`` (UTC) into stretches and say how the runs queued in each fared.

        Of a stretch with very many runs the newest are looked at, and all are counted where an index can.
        """
        pieces = stretches(since, until, step_s)
        with self._database.read() as connection:
            found = self._searched(connection, parse(query))
            return buckets_of(connection, found.condition, pieces, few=found.few, cheap=found.cheap)

    def _searched(self, connection: Connection, query: Query) -> Found:
        condition = condition_of(query, self._now())
        few = candidates(connection, query)
        if few is not None:
            return Found(condition=and_(few, condition), few=True, cheap=True)
        part = Query(tuple(term for group in query.groups if all(map(_is_counted, group)) for term in group))
        if len(part.terms) == len(query.terms):
            return Found(condition=condition, cheap=True, all=not query.terms)
        if not part.terms:
            return Found(condition=condition)
        return _narrowed(connection, query, condition, condition_of(part, self._now()))

    def versions(self, *, without_node: str, limit_live: int, limit_ended: int) -> dict[str, int]:
        """Return ``{run_id: seq}`` of other nodes' live runs and newest ended ones: what a reader must have.

        Of the live ones those first that execute; they are older than all that wait behind them.
        """
        narrow = select(run.c.run_id, run.c.seq).where(run.c.node_id != without_node)
        newest = narrow.order_by(run.c.queued_at.desc()).limit(limit_live)
        executing = newest.where(run.c.state.in_(sorted(EXECUTING)))
        live = newest.where(run.c.ended_at.is_(None))
        ended = narrow.where(run.c.ended_at.is_not(None)).order_by(LAST_ENDED).limit(limit_ended)
        with self._database.read() as connection:
            first, then, last = ({row[0]: row[1] for row in connection.execute(q)} for q in (executing, live, ended))
        return dict(islice((first | then).items(), limit_live)) | last

    def many(self, run_ids: Sequence[str]) -> list[RunRecord]:
        """Return those of the named runs that are stored, in no particular order."""
        found: list[RunRecord] = []
        with self._database.read() as connection:
            for some in chunks(run_ids):
                rows = connection.execute(select(*COLUMNS).where(run.c.run_id.in_(some))).mappings()
                found.extend(run_of(row) for row in rows)
        return found

    def spans(self, since: float, until: float, *, limit: int) -> list[tuple[float, float | None, str]]:
        """Return (queued_at, ended_at, pool) of the runs at work at some time between, the newest first."""
        columns = select(run.c.queued_at, run.c.ended_at, run.c.pool).where(run.c.queued_at < until)
        live = columns.where(run.c.ended_at.is_(None)).limit(limit)
        ended = columns.where(run.c.ended_at >= since).order_by(LAST_ENDED).limit(limit)
        with self._database.read() as connection:
            found = [*connection.execute(live), *connection.execute(ended)]
        return [(row[0], row[1], row[2]) for row in found[:limit]]

    def failed_since(self, at: float) -> int:
        """Return how many runs failed (error, timed out, lost) at or after the UTC second ``at``."""
        state = func.coalesce(run.c.state, run.c.state)  # SQLite would rather look at all that ever failed
        counted = select(func.count()).select_from(run)
        counted = counted.where(run.c.ended_at >= at, run.c.error_key.is_not(None), state.in_(sorted(FAILED)))
        with self._database.read() as connection:
            return connection.execute(counted).scalar_one()

    def portable_arguments(self, run_id: str) -> dict[str, object] | None:
        """Return the arguments with which a run can be repeated on any node; None when there are none kept.

        For repeating it only: these are the true values, which no page, API or log may show.
        """
        with self._database.read() as connection:
            text = connection.execute(select(run.c.portable).where(run.c.run_id == run_id)).scalar()
        return None if text is None else load(text)


_COUNTED_BY_INDEX = frozenset({Field.STATE, Field.NAME, Field.USER, Field.OLDER, Field.LONGER})


def _is_counted(term: Term) -> bool:
    """Whether an index alone can count what the term finds."""
    return term.field in _COUNTED_BY_INDEX and all(pattern.plain is not None for pattern in term.patterns)


def _narrowed(connection: Connection, query: Query, condition: Condition, part: Condition) -> Found:
    """Look how many of a small ``part`` of all runs have the words of ``query``, of which there are many elsewhere."""
    small = kept(connection) // SMALL
    if not match_of(query) or at_least(connection, select(run.c.id).where(part), small + 1):
        return Found(condition=condition)
    likely = common_candidates(connection, query)
    if likely is None:
        return Found(condition=condition)
    near = condition if likely is ALL else and_(likely, part)
    if at_least(connection, select(run.c.id).where(near), MOST_CANDIDATES + 1):
        return Found(condition=condition, often=True)
    return Found(condition=and_(likely, condition), few=True, cheap=True)


def _checked(name: str, value: int) -> int:
    if name == "limit" and not 1 <= value <= MAX_LIMIT:
        raise InvalidInput(f"limit must be 1 to {MAX_LIMIT}, not {value}")
    if value < 0:
        raise InvalidInput(f"{name} cannot be negative")
    return value
