"""History: events as sentences, and the filters over them."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from octostar_runtime.models.events import Event
from octostar_runtime.ui import formats, words
from octostar_runtime.ui.components.blocks import Line
from octostar_runtime.ui.components.markup import link, pill, text
from octostar_runtime.ui.links import Links
from octostar_runtime.ui.queries.once import Once
from octostar_runtime.ui.queries.people import Eyes
from octostar_runtime.ui.tables import Cell, Column, Table
from octostar_runtime.ui.words import Word

#: A session's id, the part of it that is told or the whole; not how many there were, or a callback's name.
_SESSION = re.compile(r"[0-9a-f-]{13}|[0-9a-f-]{36}")
#: Kinds that the filter offers: prefix -> title
KINDS: Mapping[str, str] = {
    "": "Everything",
    "session.": "Sessions",
    "run.": "Tasks",
    "pool.": "Pools",
    "service.": "Services",
    "policy.": "Policy",
    "node.": "Nodes",
    "access.": "Sign-in",
}
_NOUNS = {
    "session": "Session",
    "run": "Task",
    "pool": "Pool",
    "service": "Service",
    "policy": "Policy",
    "node": "Node",
    "access": "Sign-in",
    "people": "Person",
    "store": "Store",
}
#: Kinds that read badly when they are put together from their parts.
_SAID = {
    "access.signed_in": "Signed in",
    "access.signed_out": "Signed out",
    "access.sign_in_refused": "Sign-in refused",
    "access.sign_in_ended": "Signed out by another",
    "access.denied": "Not allowed",
    "access.link_made": "Sign-in link made",
    "access.token_made": "Token made",
    "access.token_revoked": "Token revoked",
    "people.erased": "Person's data erased",
    "session.message_requested": "Message sent",
    "session.notice_posted": "Lasting message posted",
    "session.notice_withdrawn": "Lasting message withdrawn",
    "session.rerun_requested": "Page rerun requested",
    "session.stop_script_requested": "Script stop requested",
}
_TONES = {
    "failed": "bad",
    "lost": "bad",
    "denied": "bad",
    "refused": "warn",
    "timed_out": "bad",
    "stuck": "bad",
    "cancelled": "off",
    "ended": "off",
    "stopped": "off",
    "stop_refused": "warn",
    "stop_failed": "bad",
    "stop_forced": "warn",
    "warned": "warn",
    "woken": "run",
    "starting": "run",
    "flapping": "warn",
    "unknown": "odd",
    "started": "run",
    "ready": "ok",
    "succeeded": "ok",
    "signed_in": "ok",
}


@lru_cache(maxsize=256)
def word(kind: str) -> Word:
    """Return an event's kind in plain words, e.g. ``Task cancel requested``."""
    noun, _, verb = kind.partition(".")
    pieced = f"{_NOUNS.get(noun, noun.capitalize())} {verb.replace('_', ' ').replace('.', ' ')}".strip()
    return Word(_SAID.get(kind, pieced), _TONES.get(verb, "wait"))


def subject(event: Event) -> str:
    """Return what an event is about, as short as people need it."""
    if event.kind.startswith("session.") and (len(event.subject) > 20 or _SESSION.fullmatch(event.subject)):
        return formats.session_name(event.subject)
    name = event.data.get("name")
    return str(name) if name else formats.short_id(event.subject) if len(event.subject) == 36 else event.subject


def place(event: Event, links: Links) -> str:
    """Return the address of what an event is about, "" when it has none of its own."""
    if event.kind.startswith("run.") and len(event.subject) == 36:
        return links.to("run", id=event.subject)
    if event.kind.startswith("session.") and _SESSION.fullmatch(event.subject):
        return links.to("sessions", who="all", open=formats.session_ref(event.subject))
    return ""


def whole_subject(event: Event) -> str:
    """Return what an event is about for an export: whole, but for a session's id, which is a bearer secret."""
    return formats.session_ref(event.subject) if event.kind.startswith("session.") else event.subject


def detail(event: Event) -> str:
    """Return what else there is to say: why, how many, before and after."""
    said = [event.reason or ""]
    data = event.data
    if "before" in data and "after" in data:
        said.append(f"{data['before']} → {data['after']}")
    if event.kind == "access.denied" and data.get("action"):
        said.append(f"to {data['action']}")
    if isinstance(data.get("count"), int) and data["count"] != 1:
        said.append(f"{data.get('done', data['count'])} of {data['count']}")
    if event.kind in ("service.stopped", "service.ready") and isinstance(took := data.get("duration_s"), int | float):
        said.append(f"took {formats.duration(took)}")
    if isinstance(against := data.get("against") or data.get("blockers"), list) and against:
        # kinds only: who it was is for the service's own card, where names are shown to those who may see them
        kinds = dict.fromkeys(str(item).partition(" ")[0] for item in against)
        said.append("kept up by: " + ", ".join(words.plain(words.BLOCKER, kind).lower() for kind in kinds))
    if data.get("user"):
        said.append(str(data["user"]))
    if data.get("text"):
        said.append(f"“{data['text']}”")
    return " · ".join(part for part in said if part)


def lines(events: Sequence[Event], links: Links, eyes: Eyes) -> list[Line]:
    """Return events as lines of a list."""
    seen = map(eyes.event, events)
    return [Line(mark=pill(word(event.kind)), body=_sentence(event, links), at=event.at) for event in seen]


def _sentence(event: Event, links: Links) -> str:
    href = place(event, links)
    about = link(subject(event), href) if href else text(subject(event))
    more = detail(event)
    by = f' <span class="oc-dim">by</span> {text(event.actor)}' if event.actor else ""
    return about + by + (f' <span class="oc-dim">· {text(more)}</span>' if more else "")


_shown = Once(values=16)


def shown(events: Sequence[Event], rows: int, eyes: Eyes, nodes: Mapping[str, str], links: Links) -> Table:
    """Return the first ``rows`` events as rows, made once for all who see them alike."""
    alike = (rows, eyes.mask, tuple(nodes.items()), links.path("history"))
    return _shown.get(events, alike, lambda: table(events[:rows], eyes, nodes, links))


def table(events: Sequence[Event], eyes: Eyes, nodes: Mapping[str, str], links: Links) -> Table:
    """Return events as rows; ``nodes`` names each node. Who did it leads to all they did."""
    by = Column(label="By", kind="link", href=links.to("history") + "?actor={v}") if eyes.all else Column(label="By")
    kinds = {kind: word(kind) for kind in dict.fromkeys(event.kind for event in events)}
    columns = (
        Column(label="When", kind="time"),
        Column(label="What", kind="state", words=kinds, main=True),
        Column(label="About", kind="place"),
        by,
        Column(label="Details", wrap=True),
        Column(label="Node"),
    )
    rows: list[list[Cell]] = [
        [
            event.event_id,
            event.at // 1,
            event.kind,
            [subject(event), href] if (href := place(event, links)) else subject(event),
            event.actor,
            detail(event),
            nodes.get(event.node_id, formats.short_id(event.node_id)),
        ]
        for event in map(eyes.event, events)
    ]
    return Table(label="History", columns=columns, rows=rows)
