"""Where everything of one deployment lies and listens: paths in the state directory, ports, addresses."""

from dataclasses import dataclass
from pathlib import Path

from octostar_runtime.settings import Settings

#: What Streamlit accepts as an upload; nginx lets exactly as much through.
UI_UPLOAD_MB = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Derived from the settings once; every path is absolute."""

    settings: Settings
    app: Path
    with_nginx: bool = True
    edge_secret: str = ""

    @property
    def state_dir(self) -> Path:
        return self.settings.state_dir.resolve()

    @property
    def logs(self) -> Path:
        return self.state_dir / "logs"

    @property
    def nginx_dir(self) -> Path:
        """nginx's prefix: its configuration, pid file and temporary files."""
        return self.state_dir / "nginx"

    @property
    def nginx_conf(self) -> Path:
        return self.nginx_dir / "nginx.conf"

    @property
    def supervisor_conf(self) -> Path:
        return self.state_dir / "supervisord.conf"

    @property
    def supervisor_socket(self) -> Path:
        return self.state_dir / "supervisor.sock"

    @property
    def lock(self) -> Path:
        """Held while this deployment runs, so that two never share one state directory."""
        return self.state_dir / "launch.lock"

    @property
    def api_token(self) -> Path:
        return self.state_dir / "api-token"

    @property
    def programs(self) -> Path:
        """Supervisor programs that an operator adds: ``*.conf`` files."""
        return self.state_dir / "programs"

    @property
    def locations(self) -> Path:
        """nginx locations that an operator adds: ``*.conf`` files."""
        return self.state_dir / "locations"

    @property
    def mode(self) -> str:
        """Full: three programs. Without nginx the UI serves the API itself, as ``streamlit run app.py`` does."""
        return "full" if self.with_nginx else "embedded"

    @property
    def bind_host(self) -> str:
        return self.settings.bind.rpartition(":")[0]

    @property
    def bind_port(self) -> int:
        return int(self.settings.bind.rpartition(":")[2])

    @property
    def ui_url(self) -> str:
        return f"http://127.0.0.1:{self.settings.ui_port}{self.settings.base_path}"

    @property
    def public_url(self) -> str:
        """The address to open, without a trailing slash. A wildcard address is not one: show this machine's."""
        if not self.with_nginx:
            return self.ui_url
        host = {"0.0.0.0": "127.0.0.1", "*": "127.0.0.1", "[::]": "[::1]"}.get(self.bind_host, self.bind_host)
        return f"http://{host}:{self.bind_port}{self.settings.base_path}"

    def listeners(self) -> tuple[tuple[str, str, int], ...]:
        """(setting, host, port) of everything that is about to listen."""
        inner = (("OCTOSTAR_UI_PORT", "127.0.0.1", self.settings.ui_port),)
        if not self.with_nginx:
            return inner
        api = ("OCTOSTAR_API_PORT", "127.0.0.1", self.settings.api_port)
        return (("OCTOSTAR_BIND", self.bind_host, self.bind_port), *inner, api)
