"""Service records for the store and the console, made from the engine's cells."""

from octostar_runtime.clock import Clock
from octostar_runtime.idle.engine import Engine
from octostar_runtime.idle.state import UP, Cell
from octostar_runtime.models.services import ServiceRecord


def service_records(engine: Engine, clock: Clock) -> tuple[ServiceRecord, ...]:
    """Freeze all services; monotonic deadlines become UTC for people."""
    offset = clock.time() - clock.monotonic()
    with engine.lock:
        names = {cell.info.key: cell.info.name for cell in engine.cells()}
        return tuple(_record(cell, engine, names, offset) for cell in engine.cells())


def _record(cell: Cell, engine: Engine, names: dict[str, str], offset: float) -> ServiceRecord:
    probe = cell.probe
    stops_at = cell.deadline + offset if cell.deadline is not None and cell.state in UP else None
    return ServiceRecord(
        name=cell.info.name,
        kind=cell.info.kind,
        node_id=cell.info.node_id,
        state=cell.state,
        since=cell.since_utc,
        generation=cell.generation,
        # whole tenths: a record must not change because two clocks were read a microsecond apart
        stops_at=round(stops_at, 1) if stops_at not in (None, float("-inf")) else None,
        idle_after_s=engine.rules(cell).idle_after_s,
        blockers=cell.blockers,
        depends_on=tuple(names[key] for key in cell.depends_on if key in names),
        error=cell.error or cell.probe_error or (probe.error if probe else None),
        pid=probe.pid if probe else None,
        restarts=max(0, cell.generation - 1),
    )
