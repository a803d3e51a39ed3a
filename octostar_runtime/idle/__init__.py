"""Idle shutdown and wake on demand: services stop when nobody needs them and are there when somebody comes."""

from octostar_runtime.idle.backends.caches import CacheBackend
from octostar_runtime.idle.backends.container import ContainerBackend
from octostar_runtime.idle.backends.hooks import HookBackend
from octostar_runtime.idle.backends.pools import PoolBackend, pool_backends
from octostar_runtime.idle.backends.programs import ProgramBackend, ProgramWatch, supervised
from octostar_runtime.idle.controller import IdleController
from octostar_runtime.idle.observation import Observation, observe_fleet
from octostar_runtime.idle.policy import Policy, ServicePolicy, parse_policy
from octostar_runtime.idle.services import Phase, Probe, ServiceBackend, ServiceInfo, ServiceRegistry
from octostar_runtime.idle.supervisor import SupervisorClient
from octostar_runtime.idle.wakes import Wake
from octostar_runtime.idle.world import Hold

__all__ = [
    "CacheBackend",
    "ContainerBackend",
    "PoolBackend",
    "ProgramBackend",
    "ProgramWatch",
    "SupervisorClient",
    "pool_backends",
    "supervised",
    "Hold",
    "HookBackend",
    "IdleController",
    "Observation",
    "Phase",
    "Policy",
    "Probe",
    "ServiceBackend",
    "ServiceInfo",
    "ServicePolicy",
    "ServiceRegistry",
    "Wake",
    "observe_fleet",
    "parse_policy",
]
