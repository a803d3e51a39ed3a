"""A registry on a clock moved by hand, with everything it says collected."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from octostar_runtime.events import EventBus
from octostar_runtime.models.events import Event
from octostar_runtime.sessions import SessionRegistry
from octostar_runtime.sessions.live_session import LiveSession
from octostar_runtime.sessions.visitor import Visitor
from octostar_runtime.settings import Settings
from octostar_runtime.testing import ManualClock


class Scene:
    """A registry, its clock, its events. Nothing runs by itself: call :meth:`pass_time`."""

    def __init__(self, **settings: float) -> None:
        self.clock = ManualClock()
        self.events: list[Event] = []
        bus = EventBus()
        bus.subscribe(self.events.append)
        given = {"session_end_after_s": 10.0, "heartbeat_interval_s": 2.0, **settings}
        self.registry = SessionRegistry(
            node_id="node-1",
            clock=self.clock,
            sink=bus,
            settings=Settings(**given),  # type: ignore[arg-type]
        )
        self.registry.monitor.ping_interval_s = 5.0

    def arrive(self, session_id: str | None = None, user: str | None = None) -> LiveSession:
        """A browser connects; its pings can be heard."""
        live = self.registry.presence.connected(session_id or str(uuid.uuid4()), Visitor(user=user))
        live.hears_pings = True
        return live

    def leave(self, live: LiveSession) -> None:
        """Its websocket closes."""
        self.registry.presence.disconnected(live.session_id)

    def pass_time(self, seconds: float, *, step: float = 1.0) -> None:
        """Let time go by with a turn of the monitor per step."""
        while seconds > 0:
            self.clock.advance(min(step, seconds))
            seconds -= step
            self.registry.monitor.turn()

    def kinds(self, live: LiveSession | None = None) -> list[str]:
        """Return the kinds of events so far, of one session when given."""
        return [
            event.kind.removeprefix("session.")
            for event in self.events
            if live is None or event.subject == live.session_id
        ]


@contextmanager
def scene(**settings: float) -> Iterator[Scene]:
    """Make a scene and take its threads away again."""
    made = Scene(**settings)
    try:
        yield made
    finally:
        made.registry.close(timeout_s=1)
