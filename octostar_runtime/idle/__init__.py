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
    "Hold",
    "HookBackend",
    "IdleController",
    "Observation",
    "Phase",
    "Policy",
    "PoolBackend",
    "Probe",
    "ProgramBackend",
    "ProgramWatch",
    "ServiceBackend",
    "ServiceInfo",
    "ServicePolicy",
    "ServiceRegistry",
    "SupervisorClient",
    "Wake",
    "observe_fleet",
    "parse_policy",
    "pool_backends",
    "supervised",
]
