"""A cluster of our own on this machine: a scheduler and its workers, each a process, watched and ended with us.

Used by one keeper thread (see ``link``); reading ``address`` and ``processes`` is safe from anywhere. Everything
listens on 127.0.0.1 and asks for a certificate that only these processes hold.
"""

import contextlib
import json
import logging
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import psutil

from octostar_runtime.errors import CannotStart
from octostar_runtime.tasks.engines.dask.security import for_this_machine

logger = logging.getLogger(__name__)
STARTS_WITHIN_S = 60.0
#: A worker that takes this share of its memory limit is ended before it takes the machine's.
MEMORY_SHARE = 0.95
_BACKOFF_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_STEADY_S = 20.0
_MODULE = "octostar_runtime.tasks.engines.dask.server"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPlan:
    """What to start. ``memory_bytes`` is each worker's limit, None for no limit of ours."""

    pool: str
    workers: int
    threads: int = 1
    memory_bytes: int | None = None
    resources: dict[str, float] = field(default_factory=dict)
    dashboard: bool = True


class ServerProcess:
    """One process: started, heard once, watched, ended."""

    def __init__(self, name: str, plan: dict[str, Any]) -> None:
        self.name = name
        self.address = ""
        self.dashboard_port = 0
        self.started = time.monotonic()
        self.over_memory = False
        self._hearing = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a Ctrl-C is for us; we end it in our own order
        )
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(plan) + "\n")
            self._process.stdin.flush()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def hear(self, timeout_s: float) -> bool:
        """Wait for the address that it listens on; True once it is known."""
        with self._hearing:
            out = self._process.stdout
            if self.address or out is None or out.closed:
                return bool(self.address)
            ready, _, _ = select.select([out], [], [], timeout_s)
            if ready and (line := out.readline()):
                said = json.loads(line)
                self.address, self.dashboard_port = said["address"], said.get("dashboard_port", 0)
            return bool(self.address)

    def how_it_ended(self) -> str:
        """Say in words why it is gone; "" while it lives."""
        code = self._process.poll()
        if code is None:
            return ""
        if self.over_memory:
            return "it reached its memory limit"
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"it was ended by {signal.Signals(-code).name}"
        return f"it exited with code {code}"

    def memory(self) -> int:
        """Bytes it has in memory."""
        try:
            return int(psutil.Process(self.pid).memory_info().rss)
        except psutil.Error:
            return 0

    def let_go(self) -> None:
        """Close its standard input, by which it is told to end."""
        with contextlib.suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()

    def kill(self) -> None:
        """End it at once."""
        with contextlib.suppress(OSError):
            self._process.kill()

    def reap(self, timeout_s: float) -> None:
        """Wait for its end, kill it after ``timeout_s``, and close what leads to it."""
        self.let_go()
        try:
            self._process.wait(max(0.0, timeout_s))
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


class LocalCluster:
    """See the module. ``address`` stays the same when the scheduler has to be started again."""

    def __init__(self, plan: LocalPlan) -> None:
        self.plan = plan
        self.security = for_this_machine()
        self.address = ""
        self.dashboard = ""
        self.scheduler: ServerProcess | None = None
        self.workers: dict[int, ServerProcess] = {}
        self.wanted = plan.workers
        self._directory = tempfile.mkdtemp(prefix="octostar-dask-")
        self._port = self._dashboard_port = 0
        self._ends: dict[str, str] = {}  # how workers ended, by address
        self._failures: dict[int, int] = {}
        self._not_before: dict[int, float] = {}
        self._stopped = False

    def start(self) -> None:
        """Start the scheduler, wait for it, and start the workers without waiting. CannotStart says why not."""
        self._start_scheduler()
        self.tick()

    def _start_scheduler(self) -> None:
        plan = {
            "role": "scheduler",
            "port": self._port,
            "protocol": "tls://",
            "security": self.security,
            "dashboard": self.plan.dashboard,
            "dashboard_port": self._dashboard_port,
        }
        scheduler = self.scheduler = ServerProcess(f"{self.plan.pool}-scheduler", plan)
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not scheduler.hear(0.2):
            if self._stopped or not scheduler.alive or time.monotonic() > deadline:
                why = scheduler.how_it_ended() or f"it gave no address within {STARTS_WITHIN_S:g} s"
                scheduler.reap(0.0)
                raise CannotStart(f"pool {self.plan.pool!r}: the scheduler of its local cluster did not start: {why}")
        self.address = scheduler.address
        self._port = int(scheduler.address.rpartition(":")[2])
        self._dashboard_port = scheduler.dashboard_port
        page = "status" if self.plan.dashboard else "info/main/workers.html"
        self.dashboard = f"http://127.0.0.1:{scheduler.dashboard_port}/{page}"

    @property
    def headless(self) -> bool:
        """Whether it should have a scheduler and has none."""
        return self.scheduler is not None and not self.scheduler.alive

    def tick(self) -> None:
        """Replace what has ended, end what takes too much memory; may block while a scheduler starts."""
        if self._stopped:
            return
        if self.scheduler is None or not self.scheduler.alive:
            if self.scheduler is not None:
                logger.warning(
                    "pool %s: the scheduler of its local cluster is gone (%s); it is started again",
                    self.plan.pool,
                    self.scheduler.how_it_ended(),
                )
                self.scheduler.reap(0.0)
            self._end_workers()
            self._start_scheduler()
        for number in range(1, max(self.wanted, *self.workers, 0) + 1):
            self._tend(number)

    def _tend(self, number: int) -> None:
        worker = self.workers.get(number)
        now = time.monotonic()
        if worker is not None and worker.alive:
            worker.hear(0.0)
            limit = self.plan.memory_bytes
            if limit is not None and worker.memory() > limit * MEMORY_SHARE:
                worker.over_memory = True
                worker.kill()
            elif now - worker.started > _STEADY_S:
                self._failures[number] = 0
            return
        if worker is not None:
            self._bury(number, worker, now)
        if number <= self.wanted and now >= self._not_before.get(number, 0.0):
            self.workers[number] = self._new_worker(number)

    def _bury(self, number: int, worker: ServerProcess, now: float) -> None:
        del self.workers[number]
        how = worker.how_it_ended()
        worker.reap(0.0)
        if number > self.wanted:
            return
        logger.warning("pool %s: worker %s is gone: %s", self.plan.pool, worker.name, how)
        self._ends[worker.address] = how
        if len(self._ends) > 200:
            del self._ends[next(iter(self._ends))]
        failures = self._failures[number] = self._failures.get(number, 0) + 1
        self._not_before[number] = now + _BACKOFF_S[min(failures - 1, len(_BACKOFF_S) - 1)]

    def _new_worker(self, number: int) -> ServerProcess:
        name = f"{self.plan.pool}-{number}"
        plan = {
            "role": "worker",
            "name": name,
            "scheduler": self.address,
            "threads": self.plan.threads,
            "memory_bytes": self.plan.memory_bytes,
            "resources": self.plan.resources,
            "directory": self._directory,
            "security": self.security,
        }
        return ServerProcess(name, plan)

    def how_it_ended(self, address: str) -> str:
        """Say in words how the worker at ``address`` ended; "" when that is not known."""
        for worker in [*self.workers.values()]:
            worker.hear(0.0)
            if worker.address == address:
                return worker.how_it_ended()
        return self._ends.get(address, "")

    def kill_worker(self, address: str) -> bool:
        """End the worker at ``address`` at once, with all it executes; the next ``tick`` replaces it."""
        for worker in [*self.workers.values()]:
            if worker.address == address:
                worker.kill()
                return True
        return False

    def resize(self, workers: int) -> None:
        """Have this many workers from the next ``tick`` on; surplus ones end when they are let go."""
        self.wanted = workers

    def surplus(self) -> list[str]:
        """Return the addresses of the workers that are too many; one that has none yet is ended."""
        found = []
        for number, worker in [*self.workers.items()]:
            if number > self.wanted and worker.alive:
                if worker.hear(0.0):
                    found.append(worker.address)
                else:
                    worker.let_go()
        return found

    def let_go(self, address: str) -> None:
        """Let the worker at ``address`` end."""
        for worker in [*self.workers.values()]:
            if worker.address == address:
                worker.let_go()

    def processes(self) -> list[ServerProcess]:
        """Return the processes there are now."""
        return [*([self.scheduler] if self.scheduler is not None else []), *self.workers.values()]

    def give_up(self) -> None:
        """Start nothing any more; whoever waits for a start stops waiting."""
        self._stopped = True

    def stop(self, timeout_s: float = 5.0) -> None:
        """End everything; nothing of it is left afterwards."""
        self._stopped = True
        deadline = time.monotonic() + timeout_s
        everything = self.processes()
        for process in reversed(everything):
            process.let_go()
        for process in reversed(everything):
            process.reap(deadline - time.monotonic())
        self.workers.clear()
        self.scheduler = None
        shutil.rmtree(self._directory, ignore_errors=True)

    def _end_workers(self) -> None:
        """Workers do not outlive their scheduler; give those that were about to end no chance to linger."""
        for number, worker in [*self.workers.items()]:
            self._ends[worker.address] = "it ended with its scheduler"
            worker.kill()
            worker.reap(1.0)
            del self.workers[number]
