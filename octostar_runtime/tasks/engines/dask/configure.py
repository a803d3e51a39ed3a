"""What Dask is told before anything of it starts, in whichever process: ours, the scheduler's, a worker's.

Dask reads these from a global table when its objects are made, so this is called first everywhere.
"""

import dask.config

#: How many messages a topic keeps. Dask's own 1,000 would hold 200 MB of intermediate values.
KEPT_MESSAGES = 20

_CONFIG = {
    # a worker that was killed has perhaps done half of the work: whether to do it again is for the task to say
    "distributed.scheduler.allowed-failures": 0,
    "distributed.admin.low-level-log-length": KEPT_MESSAGES,
    # an idle worker takes what waits on a busy one; what has begun is never moved
    "distributed.scheduler.work-stealing": True,
    # a worker gets as many runs as it has threads; the rest waits on our side, in the fair queue
    "distributed.scheduler.worker-saturation": 1.0,
    # the statistical profiler samples every thread a hundred times a second, for pages nobody opens
    "distributed.worker.profile.enabled": False,
    "distributed.comm.timeouts.connect": "5s",
    # how large arguments may be is between an app and its network
    "distributed.admin.large-graph-warning-threshold": "100GB",
    "distributed.comm.retry.count": 0,
}


#: What Dask may log: we say in one line what it says in twenty. An app's own choice goes before this.
_LOGGING = {"distributed": "error", "distributed.client": "critical", "distributed.scheduler": "critical"}


def configure() -> None:
    """Set what this library relies on, in this process."""
    dask.config.set(_CONFIG)
    if not dask.config.get("logging", None):
        dask.config.set({"logging": _LOGGING})
