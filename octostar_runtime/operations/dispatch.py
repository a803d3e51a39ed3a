"""What every operation does alike: check the role, route to the owning node, leave an audit event."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from octostar_runtime.clock import Clock
from octostar_runtime.errors import NotAllowed, NotSignedIn, OctostarRuntimeError
from octostar_runtime.models.access import Principal, Role
from octostar_runtime.models.events import Event
from octostar_runtime.models.fleet import FleetSnapshot
from octostar_runtime.models.outcomes import Outcome
from octostar_runtime.ports import Commander, EventSink, RunArchive
from octostar_runtime.sessions.notice_book import NoticeBook

#: Targets in one command: keeps a row small and a handler's turn short.
BATCH = 500
#: Ids kept in one audit event; the count is always whole.
AUDITED_IDS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What operations need of the runtime, and no more."""

    node_id: str
    clock: Clock
    sink: EventSink
    commander: Commander
    snapshot: Callable[[], FleetSnapshot]
    runs: RunArchive
    flush: Callable[[], object]  # publish what is pending, so that the archive is current
    controller: Callable[[], str | None]  # the node that holds the idle controller's lease
    save_policy: Callable[[Mapping[str, object], int, str], int]
    erase: Callable[[str], int]
    notices: NoticeBook


class Dispatcher:
    """Base of the operation groups. Safe from any thread; a call may wait for another node's answer."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._at = surroundings

    def _require(self, by: Principal, role: Role, scope: str, action: str, subject: str) -> None:
        """Raise NotAllowed (NotSignedIn for a stranger) and leave an audit event of the attempt."""
        if by.may(role, scope):
            return
        self._audit("access.denied", subject, by, None, {"action": action, "needs": role.name.lower()})
        if by.role is Role.NOBODY:
            raise NotSignedIn(f"sign in as {role.name.lower()} to {action}")
        if by.role >= role:
            raise NotAllowed(f"this token lacks the scope {scope!r} needed to {action}")
        raise NotAllowed(f"{by.name} is {by.role.name.lower()}; only {role.name.lower()}s may {action}")

    def _audit(
        self, kind: str, subject: str, by: Principal, reason: str | None, data: Mapping[str, object] | None = None
    ) -> None:
        self._at.sink.publish(
            Event(
                kind=kind,
                subject=subject,
                at=self._at.clock.time(),
                node_id=self._at.node_id,
                actor=by.name,
                reason=reason or None,
                data={**(data or {}), "via": by.via},
            )
        )

    def _audit_outcomes(
        self, kind: str, outcomes: Sequence[Outcome], by: Principal, reason: str | None, **data: object
    ) -> None:
        """One event for the whole action: a single target is the subject, several are listed up to a bound."""
        targets = [outcome.target for outcome in outcomes]
        subject = targets[0] if len(targets) == 1 else f"{len(targets)} targets"
        refused = {outcome.target: outcome.detail for outcome in outcomes if not outcome.ok}
        detail: dict[str, object] = {
            **data,
            "count": len(targets),
            "done": len(targets) - len(refused),
            "targets": targets[:AUDITED_IDS],
        }
        if refused:
            detail["refused"] = dict(list(refused.items())[:AUDITED_IDS])
        self._audit(kind, subject, by, reason, detail)

    def _send(
        self, node_id: str, kind: str, args: Mapping[str, object], by: Principal, reason: str | None
    ) -> Mapping[str, object]:
        return self._at.commander.send(node_id, kind, args, actor=by.name, reason=reason).result

    def _send_each(
        self, owners: Mapping[str, str | None], kind: str, by: Principal, reason: str | None, **args: object
    ) -> tuple[Outcome, ...]:
        """Send one command per owning node and batch of targets; a target without owner is an outcome too.

        ``owners`` maps each target to the node that owns it, None when nobody does. A node that cannot be
        reached fails its own targets only.
        """
        outcomes = {
            target: Outcome(target=target, ok=False, detail="not known to any node")
            for target, node in owners.items()
            if node is None
        }
        for node_id, targets in _by_node(owners).items():
            for batch in _batches(targets):
                outcomes.update(self._send_batch(node_id, kind, batch, by, reason, args))
        return tuple(outcomes[target] for target in owners)

    def _send_batch(
        self,
        node_id: str,
        kind: str,
        batch: Sequence[str],
        by: Principal,
        reason: str | None,
        args: Mapping[str, object],
    ) -> dict[str, Outcome]:
        try:
            result = self._send(node_id, kind, {**args, "targets": list(batch)}, by, reason)
        except OctostarRuntimeError as error:
            return {target: Outcome(target=target, ok=False, detail=str(error)) for target in batch}
        answers = result.get("outcomes")
        told = answers if isinstance(answers, dict) else {}
        return {target: _outcome(target, told.get(target)) for target in batch}


def said_states(states: Iterable[str]) -> str:
    """Return how many of which state there were, e.g. ``running`` or ``3 running, 1 queued``; empty for none."""
    counts = Counter(states)
    if len(counts) == 1 and counts.total() == 1:
        return next(iter(counts))
    return ", ".join(f"{count} {state}" for state, count in counts.most_common())


def _by_node(owners: Mapping[str, str | None]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for target, node_id in owners.items():
        if node_id is not None:
            grouped.setdefault(node_id, []).append(target)
    return grouped


def _batches(targets: Sequence[str]) -> Iterable[Sequence[str]]:
    return (targets[start : start + BATCH] for start in range(0, len(targets), BATCH))


def _outcome(target: str, answer: object) -> Outcome:
    if isinstance(answer, list | tuple) and len(answer) == 2:
        return Outcome(target=target, ok=bool(answer[0]), detail=str(answer[1]))
    return Outcome(target=target, ok=False, detail="the node did not say what became of it")
