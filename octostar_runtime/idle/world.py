"""Everything a decision looks at besides the services themselves: one frozen value per tick."""

from dataclasses import dataclass, field

from octostar_runtime.idle.observation import Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiUse:
    """Use of the API that counts. Ages in seconds; ``last_at`` and ``since`` are UTC, for people."""

    in_flight: int = 0
    in_flight_since: float = 0.0
    last_age_s: float | None = None
    last_at: float = 0.0
    last_path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A keep-awake lease. Times are UTC seconds."""

    hold_id: str
    owner: str
    reason: str
    expires_at: float
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the controller knows at one moment.

    ``utc`` is only for labels and for the weekly schedule. ``dormant`` and ``stuck`` were worked out on the
    monotonic clock by :mod:`octostar_runtime.idle.freshness`. ``settle_until``
    (monotonic; ``settle_since``: UTC) is set after the machine slept.
    """

    utc: float
    observation: Observation = field(default_factory=Observation)
    api: ApiUse = field(default_factory=ApiUse)
    holds: tuple[Hold, ...] = ()
    dormant: frozenset[str] = frozenset()
    stuck: frozenset[str] = frozenset()
    settle_until: float | None = None
    settle_since: float = 0.0
