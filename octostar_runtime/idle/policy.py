"""The idle policy: one validated document that the form, the API and the file at start all edit.

Durations are seconds; text such as "5 min" is understood. A setting of ``services.<name>`` wins over the one of
``services.<kind>``, and that over the top-level one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator

from octostar_runtime.errors import PolicyInvalid
from octostar_runtime.idle.durations import Seconds, SecondsOrOff, to_seconds_or_off
from octostar_runtime.idle.schedule import AwakeWindow

#: Quiet time before the stop, for a name or a kind that ``services`` does not mention. None: never by itself.
IDLE_AFTER_S: Mapping[str, float | None] = {
    "pool": 300.0,
    "dask": 300.0,
    "cache": 300.0,
    "hook": 600.0,
    "model": 600.0,
    "program": 600.0,
    "ui": 1800.0,
    "container": None,
}

#: What never counts as API activity: "METHOD path" or "path", with * for anything.
UNTRACKED = (
    "/_stcore/*",
    "/api/health*",
    "/api/live*",
    "/api/ready*",
    "/api/version",
    "/api/metrics*",
    "/metrics*",
    "/docs*",
    "/openapi.json",
    "/api/events*",
    "/api/sessions*",
    "/api/pools*",
    "/api/nodes*",
    "/api/services*",
    "/api/policy*",
    "/api/wake*",
    "/api/sign-in*",
    "/api/sign-out*",
    "/api/me*",
    "/api/internal/*",
    "GET /api/runs*",
    "GET /api/tasks*",
)


class ServicePolicy(BaseModel):
    """What differs for one service or one kind; what is left out (or null) comes from the top of the document."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    idle_after: float | Literal["off"] | None = Field(None, description='quiet time before the stop; "off": never')
    min_uptime: Seconds | None = Field(None, description="time after ready in which it is not stopped")
    busy_blocks: bool | None = Field(None, description="running and waiting tasks keep it up")
    connected_blocks: bool | None = Field(None, description="connected people keep it up")
    observers_block: bool | None = Field(None, description="operators who only watch keep it up")
    api_blocks: bool | None = Field(None, description="API activity keeps it up")
    preload_on_session: bool | None = Field(None, description="a new session starts it")
    max_age: Seconds | None = Field(None, description="recycled when up this long; 0: never")
    warn_before: Seconds | None = Field(None, description="people are told this long before the stop")
    drain_timeout: Seconds | None = Field(None, description="time to finish what it has before the stop")
    stop_timeout: Seconds | None = Field(None, description="time from the polite to the hard stop")
    start_timeout: Seconds | None = Field(None, description="time until it must be healthy")
    depends_on: tuple[str, ...] | None = Field(None, description="services that must be up first and stop later")
    health: str | None = Field(None, description="probe: http://127.0.0.1:port/path or tcp://127.0.0.1:port")

    @field_validator("idle_after", mode="before")
    @classmethod
    def _idle_after(cls, value: object) -> object:
        if value is None:
            return None
        seconds = to_seconds_or_off(value)
        return "off" if seconds is None else seconds

    @field_validator("health")
    @classmethod
    def _health(cls, value: str | None) -> str | None:
        if value and not value.startswith(("http://", "https://", "tcp://")):
            raise ValueError("write it as http://127.0.0.1:port/path or tcp://127.0.0.1:port")
        return value or None


class Policy(BaseModel):
    """The whole document. All durations are seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["enforce", "dry_run", "off"] = Field(
        "enforce", description="enforce; dry_run: only record what it would have done; off"
    )
    check_interval: Seconds = Field(5.0, ge=0.1, le=3600, description="time between two looks")
    heartbeat_interval: Seconds = Field(2.0, ge=0.1, le=300, description="time between heartbeats of a session")
    session_end_after: SecondsOrOff = Field(
        None, description="time from a disconnect to the session's end; off: Streamlit's disconnectedSessionTTL"
    )
    min_uptime: Seconds = Field(120.0, description="time after ready in which nothing is stopped")
    flap_limit: int = Field(
        4, ge=1, le=1000, description="wakes an hour soon after a stop, above which it waits longer"
    )
    busy_blocks: bool = Field(True, description="running and waiting tasks keep services up")
    connected_blocks: bool = Field(True, description="connected people keep services up")
    observers_block: bool = Field(False, description="operators who only watch keep services up")
    api_blocks: bool = Field(True, description="API activity keeps services up")
    open_tab_limit: Seconds = Field(
        0.0, description="untouched tabs are dormant after this and keep nothing up; 0: never"
    )
    api_activity_window: Seconds = Field(300.0, description="how long an API request counts; one in flight always does")
    untracked: tuple[str, ...] = Field(
        UNTRACKED, description='requests that never count: "METHOD path" or "path", * for anything'
    )
    busy_stuck_after: Seconds = Field(
        21_600.0, description="a task without progress for this long raises an alert; 0: never"
    )
    busy_stuck_action: Literal["warn", "release"] = Field(
        "warn", description="warn: it still keeps services up; release: it no longer does"
    )
    max_age: Seconds = Field(0.0, description="services are recycled when up this long; 0: never")
    warn_before: Seconds = Field(120.0, description="people are told this long before a stop")
    lease_max: Seconds = Field(86_400.0, gt=0, description="longest keep-awake an operator or a user can ask for")
    keep_awake_for: SecondsOrOff = Field(
        3600.0, description='how long a user\'s "keep awake" lasts; "off": users have no such button'
    )
    awake_schedule: tuple[AwakeWindow, ...] = Field((), max_length=50, description="hours in which everything stays up")
    on_probe_error: Literal["keep"] = Field("keep", description="a service whose probe fails is never stopped")
    drain_timeout: Seconds = Field(30.0, description="time to finish what it has before the stop")
    stop_timeout: Seconds = Field(10.0, description="time from the polite to the hard stop")
    start_timeout: Seconds = Field(60.0, gt=0, description="time until a started service must be healthy")
    start_retries: int = Field(3, ge=0, le=100, description="further attempts when a start fails")
    adopt_running: Literal["warm", "cold"] = Field(
        "warm", description="what runs at the controller's start gets a full idle_after (warm) or none (cold)"
    )
    wake_strategy: Literal["hold", "page"] = Field(
        "hold", description="hold a request until the service is there, or answer at once with the waiting page"
    )
    wake_page_after: Seconds = Field(10.0, description="people who wait longer than this get the waiting page")
    wake_hold_max: Seconds = Field(30.0, description="longest a request is held; then 503 and Retry-After")
    wake_max_pending: int = Field(100, ge=1, le=10_000, description="requests held at once; then 503 and Retry-After")
    preload_on_session: bool = Field(True, description="a new session starts what is stopped")
    container_exit: bool = Field(False, description="when all else is stopped, end the container with exit code 0")
    services: dict[str, ServicePolicy] = Field(
        default_factory=dict, max_length=200, description="what differs, by service name or kind"
    )

    _rules: dict[tuple[str, str], "ServiceRules"] = PrivateAttr(default_factory=dict)

    def for_service(self, name: str, kind: str) -> "ServiceRules":
        """Return the settings that hold for one service; worked out once per service."""
        rules = self._rules.get((name, kind))
        if rules is None:
            rules = self._rules[(name, kind)] = _merge(self, name, kind)
        return rules

    def says_the_same(self, other: "Policy") -> bool:
        """Whether both have the same settings; ``==`` would also compare what each has worked out so far."""
        return self.document() == other.document()

    def document(self) -> dict[str, Any]:
        """Return the document as JSON values, whole, with defaults."""
        return self.model_dump(mode="json")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRules:
    """The settings of one service with everything inherited filled in. Durations in seconds."""

    idle_after_s: float | None
    min_uptime_s: float
    busy_blocks: bool
    connected_blocks: bool
    observers_block: bool
    api_blocks: bool
    preload_on_session: bool
    max_age_s: float
    warn_before_s: float
    drain_timeout_s: float
    stop_timeout_s: float
    start_timeout_s: float
    depends_on: tuple[str, ...] | None
    health: str | None


def parse_policy(doc: Mapping[str, object]) -> Policy:
    """Return the validated policy; PolicyInvalid names every field that is wrong."""
    try:
        return Policy.model_validate(dict(doc))
    except ValidationError as error:
        fields = {_path(item["loc"]): item["msg"].removeprefix("Value error, ") for item in error.errors()}
        listed = "; ".join(f"{name}: {message}" for name, message in fields.items())
        raise PolicyInvalid(f"the idle policy was refused: {listed}", fields=fields) from None


def _path(location: tuple[int | str, ...]) -> str:
    # pydantic appends the branch of a union it tried; people want the field
    return ".".join(str(part) for part in location if part not in {"float", "literal['off']"}) or "document"


def _merge(policy: Policy, name: str, kind: str) -> ServiceRules:
    """The service's own settings, else its kind's, else those at the top."""
    layers = [policy.services[key] for key in (name, kind) if key in policy.services]

    def pick(field: str) -> Any:
        own = (getattr(layer, field) for layer in layers)
        return next((value for value in own if value is not None), getattr(policy, field, None))

    return ServiceRules(
        idle_after_s=_idle_after(pick("idle_after"), name, kind, policy),
        min_uptime_s=pick("min_uptime"),
        busy_blocks=pick("busy_blocks"),
        connected_blocks=pick("connected_blocks"),
        observers_block=pick("observers_block"),
        api_blocks=pick("api_blocks"),
        preload_on_session=pick("preload_on_session"),
        max_age_s=pick("max_age"),
        warn_before_s=pick("warn_before"),
        drain_timeout_s=pick("drain_timeout"),
        stop_timeout_s=pick("stop_timeout"),
        start_timeout_s=pick("start_timeout"),
        depends_on=pick("depends_on"),
        health=pick("health"),
    )


def _idle_after(own: float | str | None, name: str, kind: str, policy: Policy) -> float | None:
    if kind == "container" and not policy.container_exit:
        return None
    if isinstance(own, str):
        return None
    if own is not None:
        return own
    if kind == "container":
        return IDLE_AFTER_S["pool"]
    return IDLE_AFTER_S.get(name, IDLE_AFTER_S.get(kind, IDLE_AFTER_S["program"]))
