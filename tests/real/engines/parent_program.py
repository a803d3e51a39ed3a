"""A program with two busy child processes, for tests of how it ends: ``python -m … HOW``. Prints their pids."""

import sys
import time
from typing import Any

from octostar_runtime.settings import PoolSettings, Settings
from octostar_runtime.tasks import TaskManager


def busy(task: Any) -> None:
    import os
    import subprocess

    grandchild = subprocess.Popen(["sleep", "600"])
    task.progress(0.1, partial=[os.getpid(), grandchild.pid])
    while True:
        sum(range(10_000))


def main() -> None:
    tasks = TaskManager(settings=Settings(pools={"default": PoolSettings(size=3, engine="process")}))
    for name in ("a", "b"):
        tasks.submit(name, busy)
    tasks.submit("idle", lambda task: None)
    pids: list[int] = []
    for name in ("a", "b"):
        while not (found := tasks.get_result(name)["data"]):
            time.sleep(0.01)
        pids += found
    tasks.wait("idle", 30)
    sys.stdout.write(" ".join(map(str, pids)) + "\n")
    sys.stdout.flush()
    if sys.argv[1] == "wait":
        time.sleep(600)
    # "leave": the program ends while they work


if __name__ == "__main__":
    main()
