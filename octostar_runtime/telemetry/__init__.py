"""What the machine and the library do: host samples, OpenMetrics and traces."""

from octostar_runtime.telemetry.sampler import Sampler

__all__ = ["Sampler"]
