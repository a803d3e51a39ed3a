"""The one thread that looks after all sessions: heartbeats, freshness, forgotten tabs and ends that are due.

It sleeps until the next thing is due (or until poked), and not at all differently whether ten or ten thousand
sessions are there: a session whose freshness cannot have changed yet costs one comparison a sweep.
"""

import heapq
import logging
import math
import threading
from collections.abc import Callable

from octostar_runtime.clock import Clock
from octostar_runtime.models.sessions import EndReason, Life, SessionState
from octostar_runtime.periodic import PeriodicThread
from octostar_runtime.sessions.announcer import Announcer
from octostar_runtime.sessions.dispatcher import IDLE_WORKER_STAYS_S, Dispatcher
from octostar_runtime.sessions.lifecycle import LATE_AFTER_PINGS, LOST_AFTER_PINGS, life_of
from octostar_runtime.sessions.live_session import LiveSession
from octostar_runtime.sessions.presence import Presence

logger = logging.getLogger(__name__)

#: While all workers are held up, how soon to look at them again.
WATCH_EVERY_S = 0.1
#: A record whose sign of life alone moved on is published again this often.
SEEN_PUBLISHED_EVERY_S = 5.0
#: At a limit itself nothing has changed yet.
JUST_PAST_S = 0.001


class Monitor:
    """Sweeps the sessions every ``heartbeat_s`` and ends them ``end_after_s`` after they disconnected.

    ``ping_interval_s`` is how often the server pings browsers; ``open_tab_limit_s`` 0 means tabs never go dormant.
    """

    def __init__(
        self,
        presence: Presence,
        announcer: Announcer,
        dispatcher: Dispatcher,
        *,
        clock: Clock,
        heartbeat_s: float,
        end_after_s: float,
        open_tab_limit_s: float,
    ) -> None:
        self.ping_interval_s = 30.0
        #: The server itself forgets a session after so long: a later end would be told of nobody.
        self.server_forgets_after_s = math.inf
        self._end_after_s = end_after_s
        self.sweeps = 0
        self._presence = presence
        self._announcer = announcer
        self._dispatcher = dispatcher
        self._clock = clock
        self._heartbeat_s = heartbeat_s
        self._open_tab_limit_s = open_tab_limit_s
        self._lock = threading.Lock()
        self._leaving: list[tuple[float, str]] = []  # heap of (monotonic end, session id)
        self._next_sweep = clock.monotonic() + heartbeat_s
        self.on_ended: Callable[[str], object] = lambda _: None
        self.thread = PeriodicThread("session-monitor", self.turn, interval_s=None)

    def use_limits(self, *, heartbeat_s: float, end_after_s: float, open_tab_limit_s: float) -> None:
        """Take other limits from now on; who has left already keeps the end that was planned for them."""
        self._end_after_s, self._open_tab_limit_s = end_after_s, open_tab_limit_s
        if heartbeat_s == self._heartbeat_s:
            return
        self._heartbeat_s = heartbeat_s
        self._next_sweep = self._clock.monotonic() + heartbeat_s
        if self.thread.running:
            self.thread.poke()

    @property
    def end_after_s(self) -> float:
        """How long whoever disconnects now may stay away."""
        return max(0.0, min(self._end_after_s, self.server_forgets_after_s))

    def session_left(self, session: LiveSession) -> None:
        """A session has disconnected: remember when it must have come back."""
        due = session.ends_mono = session.disconnected_mono + self.end_after_s
        with self._lock:
            heapq.heappush(self._leaving, (due, session.session_id))
            first = self._leaving[0][0] == due
        if first and self.thread.running:
            self.thread.poke()

    def first_arrived(self) -> None:
        """Make sure the thread is awake now that there is something to look after."""
        if self.thread.interval_s is None and self.thread.running:
            self._next_sweep = self._clock.monotonic() + self._heartbeat_s
            self.thread.poke()

    def turn(self) -> None:
        """Do what is due; on the monitor's thread (tests with a manual clock call it themselves)."""
        now = self._clock.monotonic()
        try:
            self._end_overdue(now)
            if now >= self._next_sweep:
                self._next_sweep = now + self._heartbeat_s
                self.sweep()
            for callback in self._dispatcher.watch():
                self._report(callback.name, callback.event, callback.session_id)
        finally:
            self.thread.interval_s = self._sleep_s(now)

    def sweep(self) -> None:
        """Look at every session once: freshness, dormancy, and a heartbeat for those who want it."""
        self.sweeps += 1
        now = self._clock.monotonic()
        wanted: list[LiveSession] = []
        fresh: list[LiveSession] = []
        everyone = self._announcer.wants_heartbeats
        # most sessions are connected, known and fresh: for them the sweep is these few lines
        simple, fresh_for = not self._open_tab_limit_s, self.ping_interval_s * LATE_AFTER_PINGS
        publish = now + SEEN_PUBLISHED_EVERY_S
        for session in tuple(self._presence.live.values()):
            if session.next_check <= now:
                seen = session.seen_mono
                if simple and now - seen <= fresh_for and session.usual:
                    due = seen + fresh_for + JUST_PAST_S
                    session.next_check = due if due < publish else publish
                    if seen != session.published_mono:
                        session.published_mono = seen
                        fresh.append(session)
                elif self._check(session, now):
                    fresh.append(session)
            if (everyone or session.lane.beats) and session.attached:
                wanted.append(session)
        if fresh:
            self._presence.mark_all_changed(fresh)
        if wanted:
            self._announcer.heartbeats(wanted)

    def _check(self, session: LiveSession, now: float) -> bool:
        """Bring one session up to date; True when its record is to be published again."""
        if not session.attached:
            session.next_check = now + self.ping_interval_s
            return False
        if session.person is None and self._presence.page_still_unknown(session):
            session.next_check = now
            return False
        # without pings a quiet browser cannot be told from a dead one; the server's own time limit finds those
        life = life_of(now - session.seen_mono, self.ping_interval_s) if session.hears_pings else Life.OK
        stale = life is not session.life or session.seen_mono != session.published_mono
        session.life = life
        session.published_mono = session.seen_mono
        if self._open_tab_limit_s:
            self._check_dormant(session, now)
        session.next_check = self._next_check(session, now)
        return stale

    def _check_dormant(self, session: LiveSession, now: float) -> None:
        limit = self._open_tab_limit_s
        if limit and session.state is SessionState.CONNECTED and now - session.interaction_mono >= limit:
            self._presence.fell_asleep(session)

    def _next_check(self, session: LiveSession, now: float) -> float:
        fresh_until = session.seen_mono + self.ping_interval_s * LATE_AFTER_PINGS
        lost_at = session.seen_mono + self.ping_interval_s * LOST_AFTER_PINGS
        due = (fresh_until if now <= fresh_until else lost_at if now <= lost_at else now) + JUST_PAST_S
        due = min(due, now + SEEN_PUBLISHED_EVERY_S)
        if self._open_tab_limit_s and session.state is SessionState.CONNECTED:
            due = min(due, session.interaction_mono + self._open_tab_limit_s)
        return due

    def _end_overdue(self, now: float) -> None:
        while True:
            with self._lock:
                if not self._leaving or self._leaving[0][0] > now:
                    return
                due, session_id = heapq.heappop(self._leaving)
            # None: it came back (and has another end, or none, now), or was ended by somebody else
            if self._presence.end(session_id, EndReason.CLOSED, due=due) is not None:
                self.on_ended(session_id)

    def _sleep_s(self, now: float) -> float | None:
        """Seconds until the next turn; None when nobody is there."""
        due = []
        if self._presence.live:
            due.append(self._next_sweep)
        with self._lock:
            if self._leaving:
                due.append(self._leaving[0][0])
        if self._dispatcher.busy:
            due.append(now + WATCH_EVERY_S)
        elif self._dispatcher.has_surplus:
            due.append(now + IDLE_WORKER_STAYS_S)
        return max(0.001, min(due) - now) if due else None

    def _report(self, name: str, event: str, session_id: str | None) -> None:
        logger.warning("session callback %s (%s) takes too long; its session waits, others do not", name, event)
        self._presence.publish("session.callback_slow", session_id or name, data={"callback": name, "event": event})
