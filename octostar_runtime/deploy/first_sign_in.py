"""The first credentials: a one-use sign-in link for whoever reads the terminal, and a token file for programs."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from octostar_runtime.access import Access
from octostar_runtime.clock import SystemClock
from octostar_runtime.events import EventBus
from octostar_runtime.models.events import Event
from octostar_runtime.runtime.identity import make_node
from octostar_runtime.settings import Settings
from octostar_runtime.store import Batch, open_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What the launcher prints. ``link`` is a secret until it has been used."""

    link: str
    token_file: Path


def first_sign_in(public_url: str, settings: Settings) -> Ticket:
    """Make the link and see to the token file, in the store that the running programs share.

    Opens the store on its own and closes it again. StoreUnavailable when it cannot be reached.
    """
    clock = SystemClock()
    node = make_node(kind="launcher", name=settings.node_name, clock=clock)
    events: list[Event] = []
    bus = EventBus()
    bus.subscribe(events.append)
    store = open_store(settings.store_url, clock=clock, node=node, settings=settings)
    try:
        access = Access(settings=settings, credentials=store.credentials, sink=bus, clock=clock, node_id=node.node_id)
        secret = access.first_link()
        token_file = access.local_token_file()
        store.write(Batch(events=events))
    finally:
        store.close()
    return Ticket(link=f"{public_url}/api/sign-in?{urlencode({'link': secret})}", token_file=token_file)
