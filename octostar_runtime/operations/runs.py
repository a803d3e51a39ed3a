"""What an operator may do to runs."""

from collections.abc import Iterable, Mapping, Sequence

from octostar_runtime.errors import CountChanged, StoreUnavailable, TaskNotFound
from octostar_runtime.models.access import Principal, Role
from octostar_runtime.models.outcomes import Outcome
from octostar_runtime.models.runs import RunRecord
from octostar_runtime.operations.dispatch import Dispatcher, said_states

#: The most runs one bulk action may touch; the caller narrows the filter beyond it.
BULK_LIMIT = 10_000
SCOPE = "runs:write"


class RunOperations(Dispatcher):
    """Cancel, hard-stop and retry runs on whichever node owns them."""

    def cancel_runs(self, run_ids: Sequence[str], *, by: Principal, reason: str = "") -> tuple[Outcome, ...]:
        """Ask runs to stop; a queued one is cancelled at once."""
        self._require(by, Role.OPERATOR, SCOPE, "cancel tasks", _subject(run_ids))
        records = self._run_records(run_ids)
        outcomes = self._send_each(_owners(records, run_ids), "run.cancel", by, reason)
        change = _change(records.values(), "asked to stop")
        self._audit_outcomes("run.cancel_requested", outcomes, by, reason, **change)
        return outcomes

    def cancel_matching(self, query: str, expected: int, *, by: Principal, reason: str = "") -> tuple[Outcome, ...]:
        """Cancel every live run that matches ``query``; CountChanged when it is not ``expected`` runs any more."""
        self._require(by, Role.OPERATOR, SCOPE, "cancel tasks", query)
        records = self._matching(query, expected, live=True)
        outcomes = self._send_each(_owners(records, list(records)), "run.cancel", by, reason)
        change = _change(records.values(), "asked to stop")
        self._audit_outcomes("run.cancel_requested", outcomes, by, reason, query=query, **change)
        return outcomes

    def hard_stop_run(self, run_id: str, *, by: Principal, reason: str = "") -> Outcome:
        """Raise an exception in the thread of a run that does not heed its cancel."""
        self._require(by, Role.OPERATOR, SCOPE, "hard-stop a task", run_id)
        records = self._run_records([run_id])
        outcomes = self._send_each(_owners(records, [run_id]), "run.hard_stop", by, reason)
        change = _change(records.values(), "broken off")
        self._audit_outcomes("run.hard_stop_requested", outcomes, by, reason, **change)
        return outcomes[0]

    def retry_runs(self, run_ids: Sequence[str], *, by: Principal, reason: str = "") -> tuple[Outcome, ...]:
        """Run ended runs again with the same arguments; ``detail`` of a good outcome is the new run id."""
        self._require(by, Role.OPERATOR, SCOPE, "retry tasks", _subject(run_ids))
        records = self._run_records(run_ids)
        outcomes = self._retry(records, run_ids, by, reason)
        self._audit_outcomes("run.retry_requested", outcomes, by, reason, **_change(records.values(), "queued again"))
        return outcomes

    def retry_matching(self, query: str, expected: int, *, by: Principal, reason: str = "") -> tuple[Outcome, ...]:
        """Retry every ended run that matches ``query``; CountChanged when it is not ``expected`` runs any more."""
        self._require(by, Role.OPERATOR, SCOPE, "retry tasks", query)
        records = self._matching(query, expected, live=False)
        outcomes = self._retry(records, list(records), by, reason)
        change = _change(records.values(), "queued again")
        self._audit_outcomes("run.retry_requested", outcomes, by, reason, query=query, **change)
        return outcomes

    def _retry(
        self, records: Mapping[str, RunRecord], run_ids: Sequence[str], by: Principal, reason: str
    ) -> tuple[Outcome, ...]:
        """Send each to its own node; a portable run of a node that is gone runs here."""
        alive = {node.node_id for node in self._at.snapshot().nodes if node.state.value in ("ok", "late", "draining")}
        alive.add(self._at.node_id)
        owners: dict[str, str | None] = {}
        for run_id in run_ids:
            record = records.get(run_id)
            if record is None:
                owners[run_id] = None
            elif record.node_id in alive:
                owners[run_id] = record.node_id
            else:
                owners[run_id] = self._at.node_id
        return self._send_each(owners, "run.retry", by, reason)

    def _run_records(self, run_ids: Sequence[str]) -> dict[str, RunRecord]:
        wanted = set(run_ids)
        found = {run.run_id: run for run in self._at.snapshot().runs if run.run_id in wanted}
        missing = [run_id for run_id in run_ids if run_id not in found]
        if missing:
            self._at.flush()
        for run_id in missing:
            record = self._at.runs.get(run_id)
            if record is not None:
                found[run_id] = record
        return found

    def _matching(self, query: str, expected: int, *, live: bool) -> dict[str, RunRecord]:
        """Return the matching runs that can be acted upon: live ones cancelled, ended ones retried."""
        self._at.flush()
        # by exclusion: two state: terms would mean either, an excluded one is left out of whatever else is asked for
        wanted = f"{query} -state:{'ended' if live else 'live'}"
        total = self._at.runs.count(wanted)  # not a page's total, which stops counting where counting is slow
        if total > BULK_LIMIT:
            raise CountChanged(f"{total} runs match; narrow the search to {BULK_LIMIT}", current=total)
        if total != expected:
            raise CountChanged(f"{total} runs match now, not {expected}; look again and confirm", current=total)
        page = self._at.runs.find(wanted, limit=max(1, expected))
        return {run.run_id: run for run in page.runs}


class RunReads(Dispatcher):
    """What an operator may look at in a run, beyond the lists."""

    def run_detail(self, run_id: str, *, by: Principal) -> RunRecord:
        """Return the whole record; TaskNotFound when no node and no archive knows the run."""
        self._require(by, Role.VIEWER, "read", "see a task", run_id)
        seen = next((run for run in self._at.snapshot().runs if run.run_id == run_id), None)
        if seen is not None and seen.node_id == self._at.node_id:
            self._at.flush()
        try:
            record = self._at.runs.get(run_id)
        except StoreUnavailable:
            if seen is None:
                raise
            record = seen  # what this process knows itself it tells also while the store is away
        if record is None:
            raise TaskNotFound(f"no run {run_id!r} is kept; it may have been pruned")
        return record

    def run_stack(self, run_id: str, *, by: Principal) -> str:
        """Return the frames of the thread that runs it now, innermost last; empty when it does not run."""
        self._require(by, Role.VIEWER, "read", "see a task's stack", run_id)
        record = self.run_detail(run_id, by=by)
        if record.terminal:
            return ""
        return str(self._send(record.node_id, "run.stack", {"target": run_id}, by, None).get("stack", ""))


def _owners(records: Mapping[str, RunRecord], run_ids: Sequence[str]) -> dict[str, str | None]:
    return {run_id: records[run_id].node_id if run_id in records else None for run_id in run_ids}


def _change(records: Iterable[RunRecord], after: str) -> dict[str, object]:
    """Return what the audit says of the states before and after, e.g. ``3 running, 1 queued`` → ``asked to stop``."""
    return {"before": said_states(run.state.value for run in records), "after": after}


def _subject(run_ids: Sequence[str]) -> str:
    return run_ids[0] if len(run_ids) == 1 else f"{len(run_ids)} runs"
