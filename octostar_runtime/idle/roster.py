"""Which services there are: for each its changing record, its backend, its lane, and what it needs.

Touched only under the engine's lock, except that a lane is asked for turns from anywhere.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from octostar_runtime.clock import Clock
from octostar_runtime.errors import ServiceNotFound
from octostar_runtime.idle.lanes import Lane
from octostar_runtime.idle.policy import Policy
from octostar_runtime.idle.services import ServiceBackend
from octostar_runtime.idle.state import Cell

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Roster:
    """The services of one controller, by key."""

    clock: Clock
    cells: dict[str, Cell] = field(default_factory=dict)
    backends: dict[str, ServiceBackend] = field(default_factory=dict)
    lanes: dict[str, Lane] = field(default_factory=dict)

    def changes(self, backends: Iterable[ServiceBackend]) -> tuple[list[str], list[ServiceBackend]]:
        """Return the keys that are gone (or now mean another backend), and the backends that are new."""
        named = {backend.info.key: backend for backend in backends}
        gone = [key for key, known in self.backends.items() if named.get(key) is not known]
        new = [backend for key, backend in named.items() if key in gone or key not in self.backends]
        return gone, new

    def add(self, backend: ServiceBackend, probe: Callable[[], object], *, interval_s: float) -> Lane:
        """Take up a service; ``probe`` looks at it every ``interval_s`` on its lane."""
        key, now = backend.info.key, self.clock.monotonic()
        self.backends[key] = backend
        self.cells[key] = Cell(info=backend.info, since=now, since_utc=self.clock.time(), idle_since=now)
        lane = self.lanes[key] = Lane(backend.info.name, probe, interval_s=interval_s)
        return lane

    def remove(self, key: str) -> tuple[Cell, Lane]:
        """Forget a service; its lane is the caller's to stop."""
        self.backends.pop(key)
        return self.cells.pop(key), self.lanes.pop(key)

    def find(self, name: str) -> str:
        """Return the key of a service by name (or name@node); ServiceNotFound lists the names there are."""
        if name in self.cells:
            return name
        for key, cell in self.cells.items():
            if cell.info.name == name:
                return key
        known = ", ".join(sorted(cell.info.name for cell in self.cells.values())) or "none"
        raise ServiceNotFound(f"no service is called {name!r}; there are: {known}")

    # Who needs whom

    def link(self, policy: Policy) -> None:
        """Resolve the names of dependencies to keys: the same node first, then anywhere; a container needs nobody."""
        by_name: dict[str, list[str]] = {}
        for key, cell in self.cells.items():
            by_name.setdefault(cell.info.name, []).append(key)
        for key, cell in self.cells.items():
            rules = policy.for_service(cell.info.name, cell.info.kind)
            names = cell.info.depends_on if rules.depends_on is None else rules.depends_on
            found = [self._nearest(name, cell, by_name) for name in names]
            if cell.info.kind != "container":
                found += [k for k, other in self.cells.items() if other.info.kind == "container"]
            cell.depends_on = tuple(sorted({k for k in found if k is not None and k != key}))
        self._break_circles()

    def needs(self, key: str) -> set[str]:
        """Everything ``key`` needs, itself included."""
        found: set[str] = set()
        waiting = [key]
        while waiting:
            name = waiting.pop()
            if name not in found and name in self.cells:
                found.add(name)
                waiting += self.cells[name].depends_on
        return found

    def dependants(self, key: str) -> list[str]:
        """Everything that needs ``key``, itself left out."""
        return [name for name in self.cells if name != key and key in self.needs(name)]

    def _nearest(self, name: str, cell: Cell, by_name: dict[str, list[str]]) -> str | None:
        keys = by_name.get(name, [])
        local = f"{name}@{cell.info.node_id}"
        return local if local in keys else (keys[0] if keys else None)

    def _break_circles(self) -> None:
        """Services that need each other in a circle could neither start nor stop: such a need is dropped."""
        for key, cell in self.cells.items():
            circular = tuple(need for need in cell.depends_on if key in self.needs(need))
            if circular:
                logger.error("service %s and %s need each other; the need is ignored", key, ", ".join(circular))
                cell.depends_on = tuple(need for need in cell.depends_on if need not in circular)
