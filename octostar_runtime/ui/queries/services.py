"""Services: what state each is in, what keeps it up, and when it will stop."""

from collections.abc import Sequence
from dataclasses import dataclass

from octostar_runtime.idle.blockers import IN_USE
from octostar_runtime.models.services import Blocker, ServiceRecord
from octostar_runtime.ui import formats, words
from octostar_runtime.ui.queries.people import Eyes
from octostar_runtime.ui.words import Word

#: Blockers of one kind beyond which the rest is counted, not listed.
LISTED = 5
#: Kinds of blockers whose label names a person.
PERSONAL = ("session", "lease")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceView:
    """A service as its card shows it. ``stops_at`` is set while it counts down."""

    name: str
    kind: str
    word: Word
    since: float
    stops_at: float | None
    sentence: str
    blockers: tuple[Blocker, ...]
    hidden_blockers: int
    used_by: int  # things that a plain stop would be refused for
    error: str | None
    facts: tuple[tuple[str, str], ...]
    can_start: bool
    can_stop: bool


def service_views(services: Sequence[ServiceRecord], mode: str | None = None) -> list[ServiceView]:
    """Return the cards, those that need a look or will stop soon first. ``mode`` is the policy's."""
    order = {"failed": 0, "unknown": 1, "warned": 2, "idle": 3, "draining": 4, "stopping": 5, "starting": 6, "ready": 7}
    ranked = sorted(services, key=lambda service: (order.get(service.state.value, 8), service.name))
    return [_view(service, practice=mode == "dry_run") for service in ranked]


def _view(service: ServiceRecord, *, practice: bool) -> ServiceView:
    state = service.state.value
    return ServiceView(
        name=service.name,
        kind=words.plain(words.SERVICE_KIND, service.kind),
        word=words.word(words.SERVICE, service.state),
        since=service.since,
        stops_at=service.stops_at,
        sentence=_sentence(service, practice=practice),
        blockers=service.blockers[:LISTED],
        hidden_blockers=max(len(service.blockers) - LISTED, 0),
        used_by=sum(blocker.kind in IN_USE for blocker in service.blockers),
        error=service.error,
        facts=tuple(_facts(service)),
        can_start=state in ("stopped", "failed", "unknown"),
        can_stop=state in ("ready", "idle", "warned", "starting"),
    )


def _sentence(service: ServiceRecord, *, practice: bool) -> str:
    state = service.state.value
    if service.stops_at is not None and state in ("idle", "warned"):
        return "Nothing needs it. Outside of practice it would stop in" if practice else "Nothing needs it. It stops in"
    if state == "stopped":
        return "Stopped. It starts by itself when somebody needs it."
    if state == "ready" and service.blockers:
        return "Kept up by:"
    if state == "ready":
        return "Nothing keeps it up; the countdown starts at the next check."
    if state == "unknown":
        return "Its check does not answer. It is not stopped from here."
    return ""


def _facts(service: ServiceRecord) -> list[tuple[str, str]]:
    told = [("Stops after", f"{formats.duration(service.idle_after_s)} of quiet" if service.idle_after_s else "never")]
    told.append(("Times started", formats.number(service.generation)))
    if service.depends_on:
        told.append(("Needs", ", ".join(service.depends_on)))
    if service.pid:
        told.append(("Process", str(service.pid)))
    if service.restarts:
        told.append(("Restarts", str(service.restarts)))
    return told


def blocker_text(blocker: Blocker, eyes: Eyes) -> tuple[str, str]:
    """Return what keeps a service up, in two phrases: the kind and whom or what it is."""
    told = eyes.person(blocker.label) if blocker.kind in PERSONAL else blocker.label
    label = told or (formats.session_name(blocker.id) if blocker.kind == "session" else blocker.id)
    return words.plain(words.BLOCKER, blocker.kind), label
