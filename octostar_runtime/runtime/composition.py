"""The composition root: makes the parts, wires them, starts and stops them in a reasoned order.

One :class:`Runtime` per process. Making it starts nothing; ``start`` opens the store and the threads; ``stop`` may be
called from the lifespan exit, from ``atexit`` and by hand, and does its work once.
"""

import logging
import threading
from collections.abc import Callable, Mapping

from octostar_runtime.access import Access
from octostar_runtime.clock import Clock, SystemClock
from octostar_runtime.errors import CommandFailed, NotRetriable, TaskNotFound
from octostar_runtime.events import EventBus
from octostar_runtime.fleet import Fleet, LocalNode
from octostar_runtime.idle import IdleController, Policy, ServiceRegistry, observe_fleet
from octostar_runtime.idle.service_log import ServiceLog
from octostar_runtime.models.nodes import NodeState
from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.models.services import ServiceRecord
from octostar_runtime.operations import Operations, Surroundings
from octostar_runtime.runtime import handlers
from octostar_runtime.runtime.attribution import attribute_tasks_to_sessions
from octostar_runtime.runtime.handover import Handover
from octostar_runtime.runtime.housekeeping import Housekeeping
from octostar_runtime.runtime.identity import make_node
from octostar_runtime.runtime.notices import NoticeWatch
from octostar_runtime.runtime.services import PoolWatch, register_caches, service_log, watch_programs
from octostar_runtime.runtime.warnings import Warnings
from octostar_runtime.sessions import SessionRegistry
from octostar_runtime.sessions.notice_book import NoticeBook
from octostar_runtime.settings import Settings, load_settings
from octostar_runtime.store import Publisher, Store, open_store
from octostar_runtime.tasks import TaskManager
from octostar_runtime.telemetry import Sampler, Spans

logger = logging.getLogger(__name__)
RUNS_SHOWN = 2_000
FENCED = "this process was declared lost"


class Runtime:
    """Everything one process has, by name. ``store`` and what needs it are there from ``start`` on."""

    store: Store
    publisher: Publisher
    fleet: Fleet
    access: Access
    idle: IdleController
    operations: Operations
    notices: NoticeBook

    def __init__(self, *, kind: str = "app", settings: Settings | None = None, clock: Clock | None = None) -> None:
        self.settings = settings or load_settings()
        self.clock: Clock = clock or SystemClock()
        self.node = make_node(kind=kind, name=self.settings.node_name, clock=self.clock)
        self.bus = EventBus()
        node_id = self.node.node_id
        self.tasks = TaskManager(node_id=node_id, clock=self.clock, sink=self.bus, settings=self.settings)
        self.sessions = SessionRegistry(node_id=node_id, clock=self.clock, sink=self.bus, settings=self.settings)
        self.services = ServiceRegistry()
        self.spans = Spans()
        self.sampler = Sampler(clock=self.clock, settings=self.settings, counts=self._counts)
        self._lock = threading.RLock()
        self._undo: list[tuple[str, Callable[[], object]]] = []

    @property
    def started(self) -> bool:
        """Whether the parts run."""
        return bool(self._undo)

    def start(self) -> "Runtime":
        """Open the store and start the threads; does nothing when started. What had started is stopped on an error."""
        with self._lock:
            if self.started:
                return self
            try:
                self._start()
            except BaseException:
                self.stop()
                raise
        return self

    def stop(self) -> None:
        """Stop everything in the reverse order; each step is bounded and none keeps the next from being taken."""
        with self._lock:
            while self._undo:
                name, step = self._undo.pop()
                try:
                    step()
                except Exception:
                    logger.exception("stopping %s failed; going on", name)

    def _start(self) -> None:
        # The store first: everything below reads from it or writes to it.
        self.store = open_store(self.settings.store_url, clock=self.clock, node=self.node, settings=self.settings)
        self._undo.append(("store", self.store.close))
        self.access = Access(
            settings=self.settings,
            credentials=self.store.credentials,
            sink=self.bus,
            clock=self.clock,
            node_id=self.node.node_id,
        )
        self.notices = NoticeBook(self.store.leases, self.clock)
        self._make_fleet()
        self._make_idle()
        self._make_operations()
        self._wire_sessions_to_tasks()
        # Stopped last before the store, so that goodbye is said when nothing runs any more.
        self._begin("fleet", self.fleet.start, self.fleet.stop)
        # The publisher outlives whoever has something to publish.
        self._begin("publisher", self.publisher.start, self.publisher.stop)
        self._begin("commands", self.store.commander.start, self.store.commander.stop)
        self._begin("tasks", self._trace_runs, self.tasks.close)
        self._undo.append(("spans", self.spans.close))
        # what others left on a cluster is looked for while there is a manager to follow it
        handover = Handover(
            node_id=self.node.node_id,
            clusters={
                pool.address: name
                for name, pool in self.settings.pools.items()
                if pool.address and pool.engine == "dask"
            },
            remote=lambda: self.fleet.heart.remote,
            store=self.store,
            tasks=self.tasks,
        )
        self._begin("handover", handover.start, handover.stop)
        self._begin("sessions", self.sessions.start, self.sessions.close)
        self._begin("sampler", self.sampler.start, self.sampler.stop)
        pools = PoolWatch(self.services, tasks=self.tasks, node_id=self.node.node_id, log=self.service_log)
        pools.turn()
        notices = NoticeWatch(self.sessions, self.notices)
        notices.turn()  # whoever comes first finds what was posted before a restart
        housekeeping = Housekeeping(
            publisher=self.publisher,
            store=self.store,
            look_after=(pools.turn, self.idle.greet_newcomers, self.access.write_uses, notices.turn),
        )
        self._begin("housekeeping", housekeeping.start, housekeeping.stop)
        self._register_services()
        # The controller starts when it can see, and stops before anything it might act upon.
        self._begin("idle controller", self.idle.start, self.idle.stop)
        self.fleet.refresh_now()  # whoever asks first finds the services, too

    def _begin(self, name: str, start: Callable[[], object], stop: Callable[[], object]) -> None:
        self._undo.append((name, stop))
        start()

    def _make_fleet(self) -> None:
        self.publisher = Publisher(
            self.store,
            clock=self.clock,
            drain_runs=self.tasks.drain_changes,
            drain_sessions=self.sessions.drain_changes,
            bus=self.bus,
            portable_arguments=self.tasks.portable_arguments,
        )
        self.tasks.on_change(self.publisher.on_change)
        self.fleet = Fleet(
            node=self.node,
            clock=self.clock,
            store=self.store,
            local=LocalNode(
                runs=lambda: self.tasks.runs(RUNS_SHOWN),
                counts=self.tasks.counts,
                oldest_queued_at=self.tasks.oldest_queued_at,
                sessions=self.sessions.sessions,
                pools=self.tasks.pools,
                services=self._announced_services,
                callbacks=self.sessions.callbacks,
                host=lambda: self.sampler.latest,
                host_history=self.sampler.history,
                host_day=self.sampler.day.samples,
                store_health=self.publisher.health,
                policy=self._policy,
                meta=self._meta,
            ),
            on_fenced=lambda: self.tasks.lose_where(_executes_here, FENCED),
            runs_limit=RUNS_SHOWN,
        )

    def _make_idle(self) -> None:
        warnings = Warnings(lambda stop, called_off: self.operations.announce_stop(stop, called_off=called_off))
        self._undo.append(("warnings", warnings.stop))
        self.idle = IdleController(
            node_id=self.node.node_id,
            clock=self.clock,
            documents=self.store.documents,
            leases=self.store.leases,
            sink=self.bus,
            backends=self.services,
            observe=lambda: observe_fleet(self.fleet.snapshot),
            warn=warnings.give,
            stored=self._services_of_others,
            # In full mode the API process decides: it is the one that is always on.
            candidate=self.node.kind == "api" or self.settings.mode == "embedded",
            policy_file=self.settings.policy_file,
            commander=self.store.commander,
        )
        self.idle.on_policy(self._follow_policy)

    def _follow_policy(self, policy: Policy) -> None:
        """The parts of the policy that are about sessions. What it leaves at the default, the settings decide."""
        usual = policy.heartbeat_interval == Policy().heartbeat_interval
        self.sessions.use_limits(
            heartbeat_s=self.settings.heartbeat_interval_s if usual else policy.heartbeat_interval,
            end_after_s=policy.session_end_after,
            open_tab_limit_s=policy.open_tab_limit,
        )

    def _register_services(self) -> None:
        register_caches(self.services, node_id=self.node.node_id, log=self.service_log)
        if self.settings.mode == "full" and self.node.kind == "api":
            programs = watch_programs(
                self.services,
                settings=self.settings,
                node_id=self.node.node_id,
                health=lambda name: self.idle.policy()[0].for_service(name, "program").health,
                log=self.service_log,
            )
            self._begin("programs", programs.start, programs.stop)

    def service_log(self, name: str) -> ServiceLog:
        """Return where a service of this process logs."""
        return service_log(name, settings=self.settings, node_kind=self.node.kind)

    def _make_operations(self) -> None:
        commander = self.store.commander
        handlers.register_run_handlers(commander, self.tasks, self.retry)
        handlers.register_pool_handlers(commander, self.tasks, drain_node=self.fleet.drain)
        handlers.register_session_handlers(commander, self.sessions)
        handlers.register_service_handlers(commander, self.idle)
        handlers.register_people_handlers(commander, self.forget_person)
        self.operations = Operations(
            Surroundings(
                node_id=self.node.node_id,
                clock=self.clock,
                sink=self.bus,
                commander=commander,
                snapshot=lambda: self.fleet.snapshot,
                runs=self.store.runs,
                flush=self.publisher.flush_now,
                controller=self.idle.leader,
                save_policy=self.idle.save_policy,
                erase=self._erase,
                notices=self.notices,
            )
        )

    def _trace_runs(self) -> None:
        self.tasks.watch_executions(self.spans.watch)
        self.bus.subscribe(self.spans.hear)

    def _wire_sessions_to_tasks(self) -> None:
        attribute_tasks_to_sessions()
        self.sessions.on_session_ended(lambda session_id, _: self.tasks.session_ended(session_id, "session ended"))
        self.sessions.on_session_adopted(self.tasks.adopt)
        self.sessions.keep_awake = self.operations.keep_awake

    def retry(self, run_id: str) -> str:
        """Run an ended run again here, also one of a node that is gone; returns the new run's id."""
        try:
            return self.tasks.retry(run_id)
        except (TaskNotFound, NotRetriable) as error:
            record = self.store.runs.get(run_id)
            arguments = self.store.runs.portable_arguments(run_id)
            if isinstance(error, NotRetriable) and (record is None or not record.terminal or arguments is None):
                raise
        if record is None:
            raise TaskNotFound(f"no run {run_id!r} is kept; it may have been pruned")
        if arguments is None:
            raise NotRetriable(
                record.not_retriable_because or "its arguments were not kept; submit it again from the app"
            )
        return self.tasks.retry_elsewhere(record, arguments)

    def forget_person(self, user: str) -> None:
        """Remove what this process's memory knows of ``user``'s past; what they do now goes on."""
        self.publisher.flush_now()
        self.tasks.forget_person(user)
        self.sessions.forget_person(user)

    def _erase(self, user: str) -> int:
        """Have every node forget first, or it would publish again what the store has erased."""
        for node in self.fleet.snapshot.nodes:
            if node.state in (NodeState.LOST, NodeState.STOPPED):
                continue
            try:
                self.store.commander.send(node.node_id, "people.forget", {"user": user}, actor=None)
            except CommandFailed as error:
                logger.warning("a node may still remember an erased user until it ends: %s", error)
        return self.store.erase_user(user)

    def _counts(self) -> Mapping[str, float]:
        """What the 15-minute charts show beside the machine's own figures: fleet-wide."""
        if not self.started:
            return {}
        snapshot = self.fleet.snapshot
        size = sum(pool.size for pool in snapshot.pools)
        return {
            "people": snapshot.people,
            "running": snapshot.counts.get(RunState.RUNNING, 0) + snapshot.counts.get(RunState.CANCELLING, 0),
            "queued": snapshot.counts.get(RunState.QUEUED, 0) + snapshot.counts.get(RunState.RETRY_WAIT, 0),
            "busy_share": sum(pool.busy for pool in snapshot.pools) / size if size else 0.0,
        }

    def _policy(self) -> tuple[str | None, int]:
        policy, version = self.idle.policy()
        return policy.mode, version

    def _announced_services(self) -> tuple[ServiceRecord, ...]:
        """The leader speaks for all; a node that does not lead leaves the telling to it."""
        return self.idle.services() if self.idle.leads else ()

    def _services_of_others(self) -> tuple[ServiceRecord, ...]:
        return tuple(record for status in self.fleet.heart.remote.status.values() for record in status.services)

    def _meta(self) -> Mapping[str, object]:
        """What this node tells the others of itself, among it the services that the leader may stop here."""
        sample = self.sampler.latest
        figures = {} if sample is None else {"cpu_percent": sample.process_cpu_percent, "memory": sample.process_memory}
        # the fleet's reader asks once while it is being made, before there is a controller
        return {**figures, "services": self.idle.announce() if hasattr(self, "idle") else []}


def _executes_here(run: RunRecord) -> bool:
    """What a cluster of others executes is not lost with this process, so it is not stopped either."""
    return run.elsewhere is None
