"""A replica of an app as a process of its own: a runtime over a shared store, with a pool on a shared cluster.

    python -m tests.support.dask_replica SETTINGS_JSON [--work FLAG_FILE]

Prints a line of JSON when it is ready, with the id of the run that it has submitted; ends with SIGTERM.
"""

import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from octostar_runtime.runtime import Runtime
from octostar_runtime.settings import Settings
from octostar_runtime.testing import wait_until


def work(handle: Any, directory: str, seconds: float) -> str:
    """Tell how far it is, and whether it ended in order."""
    here = Path(directory)
    (here / "begun").touch()
    try:
        for n in range(int(seconds / 0.05)):
            handle.progress(done=n, total=int(seconds / 0.05))
            handle.sleep(0.05)
            if (here / "enough").exists():
                break
    except BaseException:
        (here / "cancelled").touch()
        raise
    (here / "finished").touch()
    return "finished"


def main() -> None:
    runtime = Runtime(kind="app", settings=Settings.model_validate(json.loads(sys.argv[1]))).start()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    run_id = ""
    if len(sys.argv) > 2:
        run_id = runtime.tasks.submit("job", work, {"directory": sys.argv[2], "seconds": 60.0}, on_session_end="keep")
        wait_until(lambda: (runtime.tasks.run(run_id).done or 0) > 2, timeout_s=40, what="progress")
        wait_until(lambda: _stored(runtime, run_id), timeout_s=20, what="the run in the store")
    sys.stdout.write(json.dumps({"node_id": runtime.node.node_id, "run_id": run_id}) + "\n")
    sys.stdout.flush()
    stop.wait(120)
    runtime.stop()


def _stored(runtime: Runtime, run_id: str) -> bool:
    record = runtime.store.runs.get(run_id)
    return record is not None and record.elsewhere is not None


if __name__ == "__main__":
    main()
