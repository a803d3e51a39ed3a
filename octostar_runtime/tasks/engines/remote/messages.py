"""What travels: an assignment to the child, news while it works, its ending. Plain values, whatever the transport."""

import pickle
from collections.abc import Hashable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

#: at (UTC seconds), level, logger, text
Line = tuple[float, str, str, str]
#: progress 0..1, done, total, message
Step = tuple[float | None, float | None, float | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A run, one attempt of it, as the child needs it. ``call`` comes from ``pack_call``; limits are bytes."""

    run_id: str
    attempt: int
    task_id: Hashable
    name: str
    session_id: str | None
    user: str | None
    call: bytes
    result_limit: int
    partial_limit: int

    def packed(self) -> bytes:
        """Return it as bytes."""
        return pickle.dumps(self, protocol=5)

    def head(self) -> bytes:
        """Return all but ``call`` as bytes, for a transport that sends that by itself: it may be large to copy."""
        return replace(self, call=b"").packed()

    @staticmethod
    def read(packed: bytes, call: bytes | None = None) -> "Assignment":
        """Return what ``packed`` was made of, or its ``head`` and its ``call``."""
        found: Assignment = pickle.loads(packed)
        return found if call is None else replace(found, call=call)


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What a run has to tell since it last told something; the newest of what replaces itself, the lines of its log."""

    run_id: str
    attempt: int
    step: Step | None = None
    partial: bytes | None = None
    lines: tuple[Line, ...] = ()
    lines_dropped: int = 0
    acknowledged: bool = False  # it has seen that it was asked to stop
    raised: bool = False  # a CancelledError was raised in it
    stop_reason: str | None = None  # it asks itself to stop

    def wire(self) -> dict[str, Any]:
        """Return it as plain values (msgpack can carry them)."""
        return asdict(self)

    @staticmethod
    def read(wire: Mapping[str, Any]) -> "News":
        """Return what ``wire`` was made of; sequences may have become lists."""
        values = dict(wire)
        values["lines"] = tuple(tuple(line) for line in values["lines"])
        values["step"] = tuple(values["step"]) if values["step"] is not None else None
        return News(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an attempt ended: ``data`` is the packed result, or the packed exception where it can be packed."""

    state: str  # "success" | "error" | "cancelled"
    data: bytes | None = None
    kind: str = ""
    text: str = ""
    traceback: str = ""
    retriable: bool = True
    cpu_s: float = 0.0
    memory_bytes: int = 0  # of the process, after the run
