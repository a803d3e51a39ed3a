"""What the service answers beside the records of the runtime itself."""

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from octostar_runtime.models.outcomes import Outcome
from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.models.sessions import SessionRecord

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One page of a list; ``next`` is the cursor of the one behind it."""

    items: tuple[T, ...]
    total: int | None = None
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What became of an action, target by target."""

    outcomes: tuple[Outcome, ...]
    done: int
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run has given so far, or finally."""

    run_id: str
    state: RunState
    final: bool
    progress: float | None = None
    message: str | None = None
    data: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDetail:
    """A session and what it runs."""

    session: SessionRecord
    runs: tuple[RunRecord, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """Who the token stands for. No scopes: whatever the role allows."""

    name: str
    role: str
    via: str
    scopes: tuple[str, ...] = ()
    can_operate: bool = False
    can_administer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What runs there."""

    version: str
    python: str
    streamlit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token without its secret. Times are UTC seconds."""

    token_id: str
    label: str
    subject: str
    role: str
    created_at: float
    expires_at: float
    scopes: tuple[str, ...] = ()
    last_used_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function that can be called; ``parameters`` and ``returns`` are JSON Schemas."""

    name: str
    summary: str
    description: str
    path: str
    role: str
    files: tuple[str, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    returns: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A keep-awake in force."""

    hold_id: str
    owner: str
    reason: str
    expires_at: float
