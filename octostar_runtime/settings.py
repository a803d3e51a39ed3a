"""Every setting, read once, validated, documented, and handed to whoever needs it.

No other module reads the environment. ``docs/settings.md`` is written from this file
(``python -m octostar_runtime.settings``) and a test keeps the two equal.
"""

import re
import socket
from pathlib import Path
from typing import Annotated, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as SettingsSourceError

from octostar_runtime.errors import SettingsError

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class PoolSettings(BaseModel):
    """One named pool in ``OCTOSTAR_POOLS``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(10, ge=1, le=1000, description="workers")
    engine: Literal["threads", "process", "dask"] = Field("threads", description="where tasks run")
    queue_limit: int = Field(1_000_000, ge=1, description="runs that may wait")
    per_session_limit: int | None = Field(None, ge=1, description="runs of one session that may run at once")
    address: str | None = Field(None, description="Dask scheduler; none: a local cluster")
    result_mb: int = Field(
        256, ge=1, le=65_536, description="megabytes that a run of a process or Dask pool may send back as its result"
    )
    lost_after_s: float = Field(
        60.0, gt=0, description="seconds without a scheduler after which a Dask pool gives its runs up as lost"
    )
    threads_per_worker: int = Field(1, ge=1, le=256, description="runs that one worker of a local cluster executes")
    worker_memory_mb: int | None = Field(None, ge=100, description="megabytes a local cluster's worker may take")
    worker_resources: dict[str, Annotated[float, Field(gt=0)]] = Field(
        {}, description='what each worker of a local cluster offers, e.g. {"GPU": 1}'
    )
    dashboard: bool = Field(True, description="whether a local cluster serves Dask's own dashboard, on 127.0.0.1")
    tls_ca: Path | None = Field(None, description="certificate of the authority of a Dask cluster, PEM")
    tls_cert: Path | None = Field(None, description="our own certificate for that cluster, PEM")
    tls_key: Path | None = Field(None, description="its key, PEM")
    insecure: bool = Field(False, description="whether a cluster on other machines may be used without TLS")

    @model_validator(mode="after")
    def _address_is_for_dask(self) -> "PoolSettings":
        if self.address is not None and self.engine != "dask":
            raise ValueError(f'address is for engine "dask"; leave it out with "{self.engine}", or change the engine')
        return self

    @model_validator(mode="after")
    def _clusters_are_guarded(self) -> "PoolSettings":
        certificates = (self.tls_ca, self.tls_cert, self.tls_key)
        if any(certificates) and not all(certificates):
            raise ValueError("tls_ca, tls_cert and tls_key belong together; name all three")
        if self.address is None:
            if any(certificates):
                raise ValueError("tls_ca, tls_cert and tls_key are for a cluster with an address; leave them out")
            return self
        scheme, _, rest = self.address.partition("://")
        host, _, port = rest.rpartition(":")
        if scheme not in ("tcp", "tls", "ucx") or not host or not (port.isdecimal() and 0 < int(port) < 65_536):
            raise ValueError("address: write it as tls://host:port, or tcp://host:port on this machine")
        if scheme == "tls" and not all(certificates):
            raise ValueError("a tls:// address needs tls_ca, tls_cert and tls_key")
        if scheme != "tls" and any(certificates):
            raise ValueError(f"certificates are for a tls:// address, not for {scheme}://")
        if scheme != "tls" and not self.insecure and host not in _LOOPBACK:
            raise ValueError(
                "whoever reaches a scheduler can run code on its workers: use tls:// with tls_ca, tls_cert and tls_key,"
                ' or say "insecure": true when nobody else is on that network'
            )
        return self


class Settings(BaseSettings):
    """The settings of one process. Environment names are ``OCTOSTAR_`` + the field's name in capitals."""

    model_config = SettingsConfigDict(
        env_prefix="OCTOSTAR_",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    # Where things are
    bind: str = Field("127.0.0.1:8080", description="address and port nginx listens on")
    ui_port: int = Field(8501, ge=1, le=65535, description="inner port of the Streamlit server")
    api_port: int = Field(8502, ge=1, le=65535, description="inner port of the API server")
    state_dir: Path = Field(Path(".octostar"), description="directory for the store, logs, sockets and tokens")
    base_path: str = Field("", description="path prefix under which another proxy serves us, e.g. /apps/demo")
    database_url: str = Field(
        "", validation_alias="DATABASE_URL", description="PostgreSQL URL; empty: SQLite in the state directory"
    )
    node_name: str = Field(
        default_factory=socket.gethostname, description="name of this process's machine in the console"
    )
    mode: Literal["embedded", "full"] = Field("embedded", description="set by main.sh; leave it alone")
    frame_ancestors: str = Field("*", description="who may embed the app in a frame (CSP frame-ancestors)")
    desktop: bool = Field(False, description="serve the local desktop development tool in full mode")

    # Tasks
    pools: dict[str, PoolSettings] = Field(
        default_factory=lambda: {"default": PoolSettings()},
        description='JSON: pools by name, e.g. {"default": {"size": 10}}',
    )
    retain_runs: int = Field(100_000, ge=0, description="ended runs kept in memory")
    retain_hours: float = Field(24.0, gt=0, description="hours an ended run is kept in memory")
    retain_result_mb: int = Field(256, ge=0, description="megabytes of results kept in memory")
    stuck_after_s: float = Field(
        30.0, gt=0, description="seconds until a task that was asked to stop and is silent is stuck"
    )
    redact: str = Field(
        r"(?i)pass(word|wd)?|secret|token|api_?key|authorization|credential",
        description="regular expression: arguments whose name matches are shown as •••",
    )

    # Sessions
    heartbeat_interval_s: float = Field(2.0, gt=0, description="seconds between heartbeats of a session")
    session_end_after_s: float = Field(120.0, gt=0, description="seconds after a disconnect until the session ends")
    open_tab_limit_s: float = Field(0.0, ge=0, description="seconds untouched until an open tab is dormant; 0: never")
    show_personal: Literal["full", "masked", "hidden"] = Field(
        "full", description="how users and addresses are shown to viewers"
    )

    show_arguments: bool = Field(True, description="whether viewers see the arguments of tasks")

    # History
    history_days: float = Field(14.0, gt=0, description="days ended runs, sessions and events stay in the store")
    history_rows: int = Field(1_000_000, ge=1000, description="rows of each kind that stay in the store")

    # Idle shutdown
    policy_file: Path | None = Field(None, description="JSON file with the idle policy to apply at start")

    # Back-end service
    functions: str = Field(
        "octostar_runtime.demos.functions",
        description="comma-separated modules whose @api_function functions the API serves, e.g. my_app.functions",
    )
    api_rate: float = Field(200.0, gt=0, description="requests a second that one caller of the API may make")
    api_burst: int = Field(1000, ge=1, description="requests that one caller may make at once before the rate counts")
    upload_mb: int = Field(128, ge=1, description="largest body of an API request in megabytes")
    api_url: str = Field("", description="address of a running service for the command line; empty: this machine's")
    api_token: SecretStr = Field(SecretStr(""), description="API token for the command line; empty: the token file")

    # Sign-in
    password_hash: SecretStr = Field(SecretStr(""), description="argon2 hash of the local admin password")
    trusted_proxy: str = Field("", description="address of a proxy whose X-Forwarded-User header is believed")
    proxy_user_header: str = Field("X-Forwarded-User", description="header in which that proxy names the user")
    proxy_roles_header: str = Field("X-Forwarded-Groups", description="header in which that proxy lists groups")
    roles: dict[str, str] = Field(
        default_factory=dict, description='JSON: role by user, group or claim, e.g. {"ada": "admin", "ops": "operator"}'
    )
    default_role: Literal["nobody", "viewer", "operator", "admin"] = Field(
        "nobody", description="role of a signed-in user whom OCTOSTAR_ROLES does not name"
    )
    signin_hours: float = Field(24.0, gt=0, description="hours a sign-in lasts")
    edge_secret: SecretStr = Field(
        SecretStr(""), description="set by main.sh: proves to the inner servers that a request came through our nginx"
    )
    cookie_cross_site: bool = Field(False, description="SameSite=None; Secure cookies, for use in another site's frame")

    @field_validator("bind")
    @classmethod
    def _bind_has_host_and_port(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError("write it as address:port, e.g. 127.0.0.1:8080")
        return value

    @field_validator("pools")
    @classmethod
    def _pools_has_a_default(cls, value: dict[str, PoolSettings]) -> dict[str, PoolSettings]:
        return value if "default" in value else {"default": PoolSettings(), **value}

    @field_validator("base_path")
    @classmethod
    def _base_path_is_normal(cls, value: str) -> str:
        trimmed = value.strip("/")
        return f"/{trimmed}" if trimmed else ""

    @property
    def store_url(self) -> str:
        """SQLAlchemy URL of the store."""
        if self.database_url:
            for scheme in ("postgresql://", "postgres://"):
                if self.database_url.startswith(scheme):
                    return "postgresql+psycopg://" + self.database_url.removeprefix(scheme)
            return self.database_url
        return f"sqlite:///{self.state_dir.resolve() / 'store.sqlite3'}"


def load_settings() -> Settings:
    """Read the settings from the environment; SettingsError names the variable and the fix."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        raise SettingsError(f"{_variable(first['loc'])}: {_sentence(first['msg'])}") from None
    except SettingsSourceError as error:
        # unreadable JSON: pydantic-settings names the field in its sentence and nowhere else
        named = re.search(r'field "(\w+)"', str(error))
        variable = _variable((named[1],)) if named else "a setting"
        raise SettingsError(f"{variable}: write it as JSON, see docs/settings.md") from None


def _variable(location: tuple[int | str, ...]) -> str:
    name, *rest = (str(part) for part in location)
    variable = name if name.isupper() else f"OCTOSTAR_{name.upper()}"
    return ".".join([variable, *rest])


def _sentence(message: str) -> str:
    return message.removeprefix("Value error, ")


def settings_table() -> str:
    """Return the settings as a Markdown table."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        variable = alias if isinstance(alias, str) else f"OCTOSTAR_{name.upper()}"
        default = "" if field.default_factory is not None else field.default
        shown = default.get_secret_value() if isinstance(default, SecretStr) else default
        text = "this machine's name" if name == "node_name" else str("" if shown is None else shown)
        cell = f"`{text}`".replace("|", "\\|") if text else ""
        lines.append(f"| `{variable}` | {cell} | {(field.description or '').replace('|', chr(92) + '|')} |")
    return "\n".join(lines)


def pool_table() -> str:
    """Return what ``OCTOSTAR_POOLS`` says of one pool as a Markdown table."""
    lines = ["| key | default | meaning |", "|---|---|---|"]
    for name, field in PoolSettings.model_fields.items():
        default = f"`{field.default}`" if field.default is not None else ""
        choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
        meaning = (field.description or "") + (f": {', '.join(f'`{choice}`' for choice in choices)}" if choices else "")
        lines.append(f"| `{name}` | {default} | {meaning} |")
    return "\n".join(lines)


def settings_page() -> str:
    """Return ``docs/settings.md``."""
    return (
        f"# Settings\n\nEvery setting is an environment variable.\n\n{settings_table()}\n\n"
        f"## A pool in `OCTOSTAR_POOLS`\n\n"
        'For example `{"default": {"size": 10}, "cpu": {"size": 4, "engine": "process"}}`.\n\n'
        f"{pool_table()}\n"
    )


if __name__ == "__main__":
    import sys

    sys.stdout.write(settings_page())
