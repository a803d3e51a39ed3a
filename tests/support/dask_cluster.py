"""A real cluster that is nobody's own: a scheduler and workers, watched by a process of their own.

As a program it starts them and answers each line on standard input with the pids that there are now; it ends with its
standard input. Tests kill by pid what they want killed, and the cluster mends itself.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from octostar_runtime.settings import PoolSettings
from octostar_runtime.testing import wait_until

ROOT = Path(__file__).resolve().parents[2]


class Cluster:
    """A running cluster, as tests see it. It speaks TLS; ``settings()`` makes pools that use it."""

    def __init__(self, directory: Path, *, workers: int, threads: int = 1, gpus: int = 0) -> None:
        self.directory = directory
        self.workers = workers
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.dask_cluster", str(directory), str(workers), str(threads), str(gpus)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self.address = str(self.ask()["address"])

    def ask(self) -> dict[str, Any]:
        """Return ``address``, ``scheduler`` (its pid) and ``workers`` (pids by address)."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def complete(self) -> dict[str, Any]:
        """Wait until every worker is there, and return what ``ask`` does."""
        wait_until(lambda: len(self.ask()["workers"]) >= self.workers, timeout_s=60, what="the workers")
        return self.ask()

    def pid_of(self, address: str) -> int:
        """Return the pid of a worker by its address."""
        return int(self.ask()["workers"][address])

    def kill_scheduler(self) -> None:
        """SIGKILL; it comes back at the same address, its workers with it."""
        os.kill(int(self.ask()["scheduler"]), signal.SIGKILL)

    def settings(self, address: str | None = None, **more: Any) -> PoolSettings:
        """Return a pool that uses the cluster."""
        values = {"size": 2, "engine": "dask", "lost_after_s": 30.0, **self.tls(), **more}
        return PoolSettings.model_validate({"address": address or self.address, **values})

    def tls(self) -> dict[str, str]:
        """Return the settings that name its certificates."""
        return {f"tls_{name}": str(self.directory / f"{name}.pem") for name in ("ca", "cert", "key")}

    def stop(self) -> None:
        """End all of it."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextlib.contextmanager
def running_cluster(directory: Path, *, workers: int = 2, threads: int = 1, gpus: int = 0) -> Iterator[Cluster]:
    """Start a cluster and end it."""
    cluster = Cluster(directory, workers=workers, threads=threads, gpus=gpus)
    try:
        yield cluster
    finally:
        cluster.stop()


def main() -> None:
    from octostar_runtime.periodic import PeriodicThread
    from octostar_runtime.tasks.engines.dask.local import LocalCluster, LocalPlan

    directory, workers, threads, gpus = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    resources = {"GPU": float(gpus)} if gpus else {}
    cluster = LocalCluster(
        LocalPlan(pool="shared", workers=workers, threads=threads, resources=resources, dashboard=False)
    )
    for name, field in (("ca", "tls_ca_file"), ("cert", "tls_client_cert"), ("key", "tls_client_key")):
        (directory / f"{name}.pem").write_text(cluster.security[field])
    cluster.start()
    watch = PeriodicThread("watch", cluster.tick, interval_s=0.2)
    watch.start()
    try:
        for _ in sys.stdin:
            while cluster.scheduler is None or not cluster.scheduler.address:
                time.sleep(0.05)
            listening = {
                worker.address: worker.pid for worker in [*cluster.workers.values()] if worker.address and worker.alive
            }
            answer = {"address": cluster.address, "scheduler": cluster.scheduler.pid, "workers": listening}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
    finally:
        cluster.give_up()
        watch.stop()
        cluster.stop()


if __name__ == "__main__":
    main()
