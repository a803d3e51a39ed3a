"""The line to a cluster: makes it, watches it, makes it anew, and says when it is down.

One keeper thread per pool does all of that; what it finds is told to the engine through ``hear``, and what workers tell
goes there from Dask's own thread. When the scheduler was away a new client is made, because the old one would come back
without its subscriptions.
"""

import asyncio
import contextlib
import logging
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from octostar_runtime.errors import CannotStart
from octostar_runtime.periodic import PeriodicThread
from octostar_runtime.tasks.engines.dask import asking, desk, scheduler_side, versions
from octostar_runtime.tasks.engines.dask.configure import configure
from octostar_runtime.tasks.engines.dask.knock import NoAnswer, knock
from octostar_runtime.tasks.engines.dask.local import LocalCluster
from octostar_runtime.tasks.engines.dask.security import security_of

logger = logging.getLogger(__name__)
KEEP_EVERY_S = 0.5
LOOK_EVERY_S = 1.0
VERSIONS_EVERY_S = 60.0
#: A client of Dask holds messages back for 10 ms after each one, which would be most of a short run's time.
SEND_EVERY_S = 0.002


class Link:
    """``hear("up" | "down" | "lost" | "closed", why)`` and ``told(message)`` must be quick and must not raise.

    ``address`` is a scheduler of others; None starts ``cluster``, and ends it with the link.
    """

    #: Seconds that whoever is asked has to answer.
    answers_within_s = 5.0
    #: The same for each when all workers are asked: one that is silent is done without.
    each_answers_within_s = 2.0

    def __init__(
        self,
        *,
        pool: str,
        topic: str,
        address: str | None,
        cluster: Callable[[], LocalCluster] | None,
        security: dict[str, str] | None,
        lost_after_s: float,
        hear: Callable[[str, str], object],
        told: Callable[[object], object],
    ) -> None:
        self.pool = pool
        self._topics = {topic}
        self.state = "connecting"  # "connecting" | "up" | "down" | "refused" | "closed"
        self.notice = ""
        self.picture: Mapping[str, Any] | None = None
        self.address = address or ""
        self.dashboard = ""
        self.cluster: LocalCluster | None = None
        self.client: Any = None
        self._make_cluster = cluster
        self._security = security
        self._lost_after_s = lost_after_s
        self._hear = hear
        self._told = told
        self._since = time.monotonic()  # when the present state began
        self._lost_told = False
        self._looked = self._compared = 0.0
        self._runner: Any = None
        self._known: frozenset[str] = frozenset()
        self._held = False  # whether some workers are to begin nothing new
        self._lock = threading.Lock()
        self._thread = PeriodicThread(f"octostar-dask-{pool}", self._keep, interval_s=KEEP_EVERY_S)

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._thread.start()
        self._thread.poke()

    def poke(self) -> None:
        """Look now: something suggests that the line is down."""
        self._thread.poke()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Let go of the cluster; one of our own ends."""
        self.state = "closed"
        cluster = self.cluster
        if cluster is not None:
            cluster.give_up()
        self._thread.stop(timeout_s)
        self._hear("closed", "the pool was stopped")
        self._drop_client()
        if self._runner is not None:
            with contextlib.suppress(Exception):
                self._runner.stop()
        if self.cluster is not None:
            self.cluster.stop(timeout_s)

    def listen(self, topic: str) -> None:
        """Hear what workers tell on another topic, too."""
        self._topics.add(topic)
        client = self.client
        if client is not None:
            client.subscribe_topic(topic, self._on_event)

    def end_worker(self, address: str) -> None:
        """End the worker at ``address`` when it executes nothing else: ours at once, another in its nanny."""
        workers: Sequence[Mapping[str, Any]] = (self.picture or {}).get("workers", ())
        worker = next((w for w in workers if w["address"] == address), None)
        if worker is not None and min(len(worker["runs"]), worker["threads"]) > 1:
            logger.warning("pool %s: worker %s executes other runs, too; it is left alone", self.pool, address)
        elif self.cluster is not None:
            self.cluster.kill_worker(address)
        else:
            self._end_by_nanny(address)

    def _end_by_nanny(self, address: str) -> None:
        try:
            asked = asking.ask_worker(
                self._connected(), desk.end_process, address=address, timeout_s=self.answers_within_s, nanny=True
            )
        except OSError as error:
            asked = {}
            logger.debug("asking the nanny of %s: %s", address, error)
        if not asked:
            logger.warning(
                "pool %s: worker %s cannot be ended from here: it has no nanny that answers; end its process",
                self.pool,
                address,
            )

    # Asking; each call raises OSError when there is no answer within ``timeout_s`` seconds

    def ask_worker(
        self, function: Callable[..., Any], *args: Any, address: str, timeout_s: float | None = None
    ) -> dict[str, Any]:
        """Call a function of ``desk`` on one worker; the answer by address, nothing when it is gone."""
        timeout_s = timeout_s or self.answers_within_s
        return asking.ask_worker(self._connected(), function, *args, address=address, timeout_s=timeout_s)

    def ask_everybody(self, function: Callable[..., Any], *args: Any) -> tuple[dict[str, Any], frozenset[str]]:
        """Call a function of ``desk`` on all workers; return the answers by address, and who gave none."""
        return asking.ask_everybody(self._connected(), function, *args, timeout_s=self.each_answers_within_s)

    def ask_scheduler(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function of ``scheduler_side`` there."""
        client = self._connected()
        return asking.answer(client, client._run_on_scheduler, function, *args, callback_timeout=self.answers_within_s)

    def stop_soon(self, key: str, address: str) -> None:
        """Ask a worker to stop an order that nobody follows; does not wait."""
        client = self.client
        if client is not None:
            stop = (desk.ask_to_stop, key, "it was cancelled before it began", False)
            client.loop.add_callback(client._run, *stop, workers=[address], on_error="ignore")

    def _connected(self) -> Any:
        client = self.client
        if client is None:
            raise OSError(f"the cluster of pool {self.pool!r} cannot be reached now")
        return client

    # The keeper thread

    def _keep(self) -> None:
        if self.state in ("closed", "refused"):
            return
        try:
            self._keep_cluster()
            if self.client is None:
                self._connect()
            else:
                self._check()
        except CannotStart as error:
            self._fail(str(error), final=True)
        except NoAnswer as error:
            self._fail(str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the line is not up
            self._fail(f"{type(error).__name__}: {error}")

    def _keep_cluster(self) -> None:
        if self._make_cluster is None:
            return
        if self.cluster is None:
            self.cluster = self._make_cluster()
            self.cluster.start()
        else:
            if self.cluster.headless:
                self._fail("its scheduler is gone")  # known at once, not only when there is a new one
            self.cluster.tick()
        self.address = self.cluster.address
        self._security = self.cluster.security

    def _connect(self) -> None:
        configure()
        distributed: Any = import_module("distributed")
        loop, security = self._loop_runner().loop, security_of(self._security)
        knock(loop, self.address, security, timeout_s=self.answers_within_s)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about versions; we say it in one line
            client = _client_class(distributed)(
                self.address,
                loop=loop,
                security=security,
                set_as_default=False,
                timeout=self.answers_within_s,
                name="octostar",
            )
        client.scheduler_comm.interval = SEND_EVERY_S
        self.client = client
        try:
            self._compare()
            before = self.ask_scheduler(scheduler_side.prepare, self._topics)
            for topic in self._topics:
                client.subscribe_topic(topic, self._on_event)
            self.picture = self.ask_scheduler(scheduler_side.picture)
        except BaseException:
            self._drop_client()
            raise
        if before:
            logger.warning(
                "pool %s: the scheduler at %s would have run a killed task %d times again; it no longer does",
                self.pool,
                self.address,
                before,
            )
        self.dashboard = self.cluster.dashboard if self.cluster is not None else str(client.dashboard_link)
        self._since = time.monotonic()
        self._lost_told = False
        if self.state == "closed":
            return
        self.state = "up"
        logger.info("pool %s: connected to the cluster at %s", self.pool, self.address)
        self._hear("up", "")

    def _loop_runner(self) -> Any:
        """Return the one event loop of this line: a client that cannot connect would leave one of its own behind."""
        if self._runner is None:
            make: Any = import_module("distributed.utils").LoopRunner
            self._runner = make()
            self._runner.start()
        return self._runner

    def _compare(self) -> None:
        self._compared = time.monotonic()
        found = asking.versions(self._connected(), versions.EXTRA_PACKAGES, timeout_s=self.each_answers_within_s)
        line, fatal = versions.mismatch(found)
        if line and line != self.notice:
            logger.error("pool %s: versions differ on the cluster at %s: %s", self.pool, self.address, line)
        self.notice = line
        if fatal:
            raise CannotStart(f"pool {self.pool!r}: {line}; use the same Python on every machine of the cluster")

    def _check(self) -> None:
        if self.client.status != "running":
            raise OSError(f"the scheduler at {self.address} is gone")
        now = time.monotonic()
        if now - self._looked >= LOOK_EVERY_S:
            self._looked = now
            self.picture = picture = self.ask_scheduler(scheduler_side.picture)
            known = frozenset(worker["address"] for worker in picture["workers"])
            if known - self._known or now - self._compared > VERSIONS_EVERY_S:
                self._known = known
                self._compare()
            if self.cluster is not None:
                self._let_go_of_surplus(self.cluster)

    def _let_go_of_surplus(self, cluster: LocalCluster) -> None:
        """End the workers that a smaller pool has no use for, each once it has ended what it executes."""
        surplus = cluster.surplus()
        if surplus or self._held:
            for address in self.ask_scheduler(scheduler_side.hold_back, surplus):
                cluster.let_go(address)
            self._held = bool(surplus)

    def _fail(self, why: str, *, final: bool = False) -> None:
        self._drop_client()
        now = time.monotonic()
        if self.state == "closed":
            return
        if final:
            logger.error("%s", why)
            self.state, self.notice = "refused", why
            self._hear("lost", why)
            return
        if self.state == "up":
            self.state, self._since = "down", now
            logger.warning("pool %s: the line to its cluster is down (%s); it is being restored", self.pool, why)
            self._hear("down", why)
        self.notice = why
        if not self._lost_told and now - self._since > self._lost_after_s:
            self._lost_told = True
            logger.error("pool %s: no line to its cluster for %g s: %s", self.pool, self._lost_after_s, why)
            self._hear("lost", f"no scheduler at {self.address or 'the local cluster'}: {why}")

    def _drop_client(self) -> None:
        with self._lock:
            client, self.client = self.client, None
        if client is not None:
            _let_go(client, timeout_s=1.0)

    def _on_event(self, event: tuple[float, object]) -> None:
        self._told(event[1])


def _let_go(client: Any, *, timeout_s: float) -> None:
    """Close a client, whatever its line does; one that cannot be closed lets go of the event loop all the same."""
    with contextlib.suppress(Exception, asyncio.CancelledError):
        client.close(timeout=timeout_s)
    with contextlib.suppress(Exception):
        client._loop_runner.stop()


def _client_class(distributed: Any) -> Any:
    """Return Dask's client, made to close itself when it cannot connect: it would keep the event loop otherwise."""

    class LineClient(distributed.Client):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            try:
                super().__init__(*arguments, **options)
            except BaseException:
                _let_go(self, timeout_s=0.5)
                raise

        def __del__(self) -> None:
            """Nothing: each is let go of by hand, and what is tried while an interpreter ends only fails loudly."""

    return LineClient
