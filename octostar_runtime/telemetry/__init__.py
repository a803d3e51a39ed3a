"""What the machine and the library do: host samples, OpenMetrics and traces."""

from octostar_runtime.telemetry.sampler import Sampler
from octostar_runtime.telemetry.tracing import Spans

__all__ = ["Sampler", "Spans"]
