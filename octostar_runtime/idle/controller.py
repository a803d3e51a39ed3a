"""The idle controller: what the rest of the runtime talks to.

``start`` makes three kinds of threads: the tick (never blocks), the keeper (talks to the store) and one lane per
service (talks to the service). Without ``start``, ``tick()`` does everything in the caller's thread, one step at a
time; that is how the tests drive it.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from octostar_runtime.clock import Clock
from octostar_runtime.errors import InvalidInput, PolicyInvalid
from octostar_runtime.idle.activity import ApiActivity
from octostar_runtime.idle.backends.remote import RemoteBackend, register_agent
from octostar_runtime.idle.desk import PolicyDesk
from octostar_runtime.idle.engine import Engine
from octostar_runtime.idle.freshness import LastNews, silent_runs, untouched_tabs
from octostar_runtime.idle.holds import HoldBook
from octostar_runtime.idle.keeper import Keeper
from octostar_runtime.idle.observation import Observation, RemoteService
from octostar_runtime.idle.policy import Policy
from octostar_runtime.idle.records import service_records
from octostar_runtime.idle.reports import Figures, Outbox
from octostar_runtime.idle.services import ServiceBackend, ServiceRegistry
from octostar_runtime.idle.wakes import Wake
from octostar_runtime.idle.world import Hold, World
from octostar_runtime.models.services import ServiceRecord
from octostar_runtime.models.sessions import ComingStop, SessionState
from octostar_runtime.periodic import PeriodicThread
from octostar_runtime.ports import Commander, Documents, EventSink, Leases

logger = logging.getLogger(__name__)

#: A gap between two ticks above this many intervals means that the machine (or the process) stood still.
GAP_INTERVALS = 3
LOG_LINES = 500


class IdleController:
    """Stops what nobody uses and starts what somebody needs. Safe from any thread.

    ``observe`` returns the newest picture of the fleet and must be quick. ``warn(stop, called_off)`` tells the
    users of a coming stop, and that it is over. ``ask_for_beats`` makes the sessions prove that they live, after the
    machine slept. ``stored`` returns the service records of the store, for a node that does not hold the lease;
    ``candidate=False`` keeps a node from asking for it. With a ``commander`` the leader also drives the services
    that other nodes announce.
    """

    def __init__(
        self,
        *,
        node_id: str,
        clock: Clock,
        documents: Documents,
        leases: Leases,
        sink: EventSink,
        backends: ServiceRegistry | Sequence[ServiceBackend] = (),
        observe: Callable[[], Observation],
        warn: Callable[[ComingStop, bool], object] = lambda stop, called_off: None,
        ask_for_beats: Callable[[], object] = lambda: None,
        stored: Callable[[], Sequence[ServiceRecord]] = tuple,
        candidate: bool = True,
        policy_file: Path | None = None,
        commander: Commander | None = None,
    ) -> None:
        self._node_id = node_id
        self._clock = clock
        self._observe = observe
        self._ask_for_beats = ask_for_beats
        self._stored = stored
        self._policy_file = policy_file
        self._commander = commander
        self._remote: frozenset[RemoteService] = frozenset()
        self._remote_known: dict[RemoteService, ServiceBackend] = {}
        self._outbox = Outbox(node_id=node_id, clock=clock, sink=sink)
        self._desk = PolicyDesk(documents)
        self._book = HoldBook(leases, clock)
        self._listeners: tuple[Callable[[Policy], object], ...] = ()
        self._keeper = Keeper(
            node_id=node_id,
            clock=clock,
            leases=leases,
            desk=self._desk,
            holds=self._book,
            candidate=candidate,
            policy_changed=self._policy_changed,
        )
        self.activity = ApiActivity(clock)
        self._engine = Engine(
            clock=clock, outbox=self._outbox, policy=self._policy, world=self._world, poke=self.poke, warn=warn
        )
        self._registry = backends if isinstance(backends, ServiceRegistry) else _registry_of(backends)
        self._registry.on_change(self._sync)
        self._tabs = LastNews()
        self._runs = LastNews()
        self._alerted_runs = LastNews()
        self._silent: frozenset[str] = frozenset()
        self._people: frozenset[str] | None = None
        self._led = False
        self._last_tick: float | None = None
        self._settle: tuple[float, float] | None = None
        self._ticker = PeriodicThread("idle-controller", self.tick, interval_s=Policy().check_interval)
        self._keeping = PeriodicThread("idle-keeper", self._keep, interval_s=Policy().check_interval)
        self._running = False
        if commander is not None:
            register_agent(commander, self._engine)
        self._sync()

    # Life

    def start(self) -> None:
        """Apply the policy file, then run on threads of our own."""
        self._apply_policy_file()
        self._keeper.turn()
        self._running = True
        self._use_interval()
        self._engine.start_lanes()
        self._keeping.start()
        self._ticker.start()
        self._ticker.poke()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Stop deciding; what runs is left running. Lets another node take over at once."""
        self._running = False
        self._ticker.stop(timeout_s)
        self._keeping.stop(timeout_s)
        self._engine.stop_lanes(timeout_s)
        self._keeper.give_up()
        self._outbox.flush()

    def tick(self) -> None:
        """Look, decide, carry out. The loop calls it every ``check_interval`` and whenever there is news."""
        if not self._running:
            self._keep()
        now = self._clock.monotonic()
        self._notice_gap(now)
        self._last_tick = now
        self._engine.figures.ticks += 1
        self._follow_remote()
        self._engine.tick(self._policy_in_force())
        self._tell_of_silence()
        self.greet_newcomers()

    def poke(self) -> None:
        """Ask for a tick soon; for whoever knows that something changed."""
        if self._running:
            self._ticker.poke()

    @property
    def leads(self) -> bool:
        """Whether this node holds the lease, and so acts."""
        return self._keeper.leads()

    def leader(self) -> str | None:
        """Return the node that holds the controller's lease."""
        return self._node_id if self._keeper.leads() else self._keeper.leader

    def last_tick_age_s(self) -> float | None:
        """Seconds since the last tick; None before the first."""
        return None if self._last_tick is None else self._clock.monotonic() - self._last_tick

    # Reading

    def services(self) -> tuple[ServiceRecord, ...]:
        """Return all services: our own knowledge when we lead, else what the leader stored."""
        ours = service_records(self._engine, self._clock)
        if self._keeper.leads():
            return ours
        told = tuple(self._stored())
        known = {(record.name, record.node_id) for record in told}
        return told + tuple(record for record in ours if (record.name, record.node_id) not in known)

    def policy(self) -> tuple[Policy, int]:
        """Return the policy in force and its version (0: the defaults)."""
        return self._desk.policy, self._desk.version

    @property
    def problem(self) -> str | None:
        """What keeps the controller from its work, for people: an unusable policy, a store that is away."""
        return self._desk.problem or self._keeper.problem

    def holds(self) -> tuple[Hold, ...]:
        """Return the keep-awakes in force, the first to expire first."""
        return self._book.all()

    def log_tail(self, name: str, lines: int = LOG_LINES) -> str:
        """Return the newest lines of a service's log, at most 500."""
        return self._engine.backend(self._engine.find(name)).log_tail(max(1, min(lines, LOG_LINES)))

    @property
    def figures(self) -> Figures:
        """Totals since the start, for metrics."""
        return self._engine.figures

    def wakes_pending(self) -> int:
        """How many services are being woken now."""
        return self._engine.wakes.pending()

    # Doing

    def wake(self, name: str, by: str | None = None, cause: str = "request") -> Wake:
        """Ask for a service and whatever it needs. All who ask while it comes up share the answer."""
        return self._engine.wake(self._engine.find(name), by=by, cause=cause)

    def start_now(self, name: str, by: str, reason: str = "") -> Wake:
        """An operator starts a service."""
        return self.wake(name, by, reason or "started by an operator")

    def stop_now(self, name: str, by: str, reason: str = "", *, force: bool = False) -> None:
        """An operator stops a service, whatever its countdown says.

        ServiceBusy tells what uses it, unless ``force``; with it, what needs the service is stopped first.
        """
        key = self._engine.find(name)
        self._engine.request_stop(key, by=by, reason=reason, force=force, world=self._world())

    def hold(self, owner: str, reason: str, ttl_s: float) -> str:
        """Keep everything awake for a while (at most the policy's ``lease_max``); returns the hold's id."""
        hold = self._book.take(owner, reason, ttl_s, longest_s=self._desk.policy.lease_max)
        self._keeper.refresh_holds()
        self.poke()
        return hold.hold_id

    def keep_awake(self, owner: str, session_id: str) -> Hold:
        """A user puts off the stop they were warned of; pressed again it lasts longer. InvalidInput when it may not.

        One per session, and only while something counts down: nobody keeps the machine busy for no reason.
        """
        lasts_s = self._desk.policy.keep_awake_for
        if lasts_s is None:
            raise InvalidInput("the idle policy lets only operators keep services awake")
        if not self._engine.counts_down():
            raise InvalidInput("nothing is about to be stopped")
        longest_s = self._desk.policy.lease_max
        reason = "a user pressed keep awake"
        hold = self._book.take(owner, reason, lasts_s, longest_s=longest_s, hold_id=f"user-{session_id}")
        self._keeper.refresh_holds()
        self.poke()
        return hold

    def release_hold(self, hold_id: str) -> None:
        """End a keep-awake; InvalidInput when there is none of that id."""
        if not self._book.release(hold_id):
            raise InvalidInput(f"no keep-awake has the id {hold_id!r}; it may have expired")
        self._keeper.refresh_holds()
        self.poke()

    def save_policy(self, doc: Mapping[str, object], expected: int, actor: str | None) -> int:
        """Save the next version; PolicyInvalid names the field, VersionConflict says somebody was faster."""
        before = self._desk.policy
        version = self._desk.save(doc, expected, actor)
        if not self._desk.policy.says_the_same(before):  # one that says the same does not begin every countdown anew
            self._policy_changed()
            self.poke()
        return version

    def on_policy(self, listener: Callable[[Policy], object]) -> None:
        """Call ``listener(policy)`` now and whenever another policy comes into force."""
        self._listeners = (*self._listeners, listener)
        listener(self._desk.policy)

    def note_api_activity(self, path: str, headers: Mapping[str, str], method: str = "GET") -> bool:
        """Remember an API request; False when the policy's ``untracked`` says that such do not count."""
        return self.activity.note(path, headers, method)

    def greet_newcomers(self) -> None:
        """Start what newcomers need, whichever node they came to. Ticks do it; asked more often, they wait less."""
        seen = [
            s for s in self._observe().sessions if not s.observer and (s.page is not None or s.last_run_at is not None)
        ]
        here = frozenset(s.session_id for s in seen if s.state == SessionState.CONNECTED)
        newcomers = here - self._people if self._people is not None else frozenset()
        # who only lost the connection for a moment does not come anew; who touches a forgotten tab does
        self._people = here | {s.session_id for s in seen if s.state == SessionState.DISCONNECTED}
        if newcomers:
            self._preload(f"{len(newcomers)} came" if len(newcomers) > 1 else "somebody came")

    # Inside

    def _policy(self) -> Policy:
        return self._desk.policy

    def _policy_in_force(self) -> Policy:
        """A node that does not lead watches and wakes what is its own; it counts nothing down."""
        policy = self._desk.policy
        leads = self._keeper.leads()
        if leads and not self._led:
            self._engine.adopt_afresh(warm=policy.adopt_running == "warm")
        if self._led and not leads:
            self._engine.release_drains()
        self._led = leads
        return policy if leads else policy.model_copy(update={"mode": "off"})

    def _world(self) -> World:
        observation = self._observe()
        now, utc, policy = self._clock.monotonic(), self._clock.time(), self._desk.policy
        settle = self._settle
        return World(
            utc=utc,
            observation=observation,
            api=self.activity.use(),
            holds=tuple(hold for hold in self._keeper.holds if hold.expires_at > utc),
            dormant=self._tabs.older_than(policy.open_tab_limit, now, untouched_tabs(observation, utc))
            if policy.open_tab_limit > 0
            else frozenset(),
            stuck=self._runs.older_than(policy.busy_stuck_after, now, silent_runs(observation, utc))
            if policy.busy_stuck_after > 0
            else frozenset(),
            settle_until=settle[0] if settle else None,
            settle_since=settle[1] if settle else 0.0,
        )

    def _keep(self) -> None:
        self._keeper.turn()
        age_s = self.last_tick_age_s()
        if self._running and age_s is not None and age_s > GAP_INTERVALS * self._desk.policy.check_interval + 5.0:
            self._outbox.event("idle.tick_late", self._node_id, reason=f"the last tick was {age_s:.0f} s ago")
            self._outbox.flush()

    def _notice_gap(self, now: float) -> None:
        interval_s = self._desk.policy.check_interval
        if self._last_tick is None or now - self._last_tick <= GAP_INTERVALS * interval_s:
            return
        gap_s = now - self._last_tick
        self._engine.shift(gap_s)
        self._settle = (now + max(2 * self._desk.policy.heartbeat_interval, interval_s), self._clock.time())
        self._outbox.event("idle.gap", self._node_id, reason=f"no tick for {gap_s:.0f} s; idle times were shifted")
        self._outbox.call(self._ask_for_beats)
        self._outbox.flush()

    def _tell_of_silence(self) -> None:
        """One alert for each run that has shown no progress for too long."""
        now, observation, policy = self._clock.monotonic(), self._observe(), self._desk.policy
        if policy.busy_stuck_after <= 0:
            return
        runs = silent_runs(observation, self._clock.time())
        silent = self._alerted_runs.older_than(policy.busy_stuck_after, now, runs)
        if self._keeper.leads():
            for run_id in sorted(silent - self._silent):
                reason = f"no progress for {policy.busy_stuck_after:g} s; policy: {policy.busy_stuck_action}"
                self._outbox.event("run.silent", run_id, reason=reason)
            self._outbox.flush()
        self._silent = silent

    def _preload(self, cause: str) -> None:
        policy = self._desk.policy
        if policy.mode == "off":
            return
        for record in service_records(self._engine, self._clock):
            if policy.for_service(record.name, record.kind).preload_on_session:
                self._engine.wake(f"{record.name}@{record.node_id}", by=None, cause=cause)

    def announce(self) -> list[dict[str, str]]:
        """Return this node's services as small JSON, for its heartbeat: that is how the leader finds them.

        Programs are left out: supervisord's node is the one that can start them, and it announces nothing else.
        """
        infos = [backend.info for backend in self._registry.all()]
        return [{"name": info.name, "kind": info.kind} for info in infos if info.kind not in {"program", "container"}]

    def _follow_remote(self) -> None:
        """Take over what other nodes announce while we lead; forget it when we do not."""
        remote = frozenset(self._observe().remote) if self._keeper.leads() else frozenset()
        if remote != self._remote:
            self._remote = remote
            self._sync()

    def _sync(self) -> None:
        backends: list[ServiceBackend] = list(self._registry.all())
        if self._commander is not None:
            backends += self._remote_backends(self._commander, {backend.info.name for backend in backends})
        self._engine.sync(backends)
        self.poke()

    def _remote_backends(self, commander: Commander, taken: set[str]) -> list[ServiceBackend]:
        for service in self._remote - self._remote_known.keys():
            name = service.name if service.name not in taken else f"{service.name}.{service.node_kind}"
            self._remote_known[service] = RemoteBackend(commander, service, name=name)
        self._remote_known = {s: backend for s, backend in self._remote_known.items() if s in self._remote}
        return list(self._remote_known.values())

    def _policy_changed(self) -> None:
        policy = self._desk.policy
        self.activity.use_rules(policy.untracked)
        self._engine.restart_clocks()
        self._use_interval()
        for listener in self._listeners:
            listener(policy)
        self._outbox.event("policy.applied", "idle", version=self._desk.version, mode=policy.mode)
        self._outbox.flush()

    def _use_interval(self) -> None:
        for thread in (self._ticker, self._keeping):
            thread.interval_s = self._desk.policy.check_interval
            if self._running:
                thread.poke()

    def _apply_policy_file(self) -> None:
        if self._policy_file is None:
            return
        try:
            self._desk.apply_file(self._policy_file)
        except PolicyInvalid as error:
            logger.error("%s; the policy in force stays", error)
            self._outbox.event("policy.refused", "idle", reason=str(error), fields=error.fields)


def _registry_of(backends: Sequence[ServiceBackend]) -> ServiceRegistry:
    registry = ServiceRegistry()
    for backend in backends:
        registry.add(backend)
    return registry
