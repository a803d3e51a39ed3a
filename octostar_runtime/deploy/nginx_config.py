"""Fill in nginx.conf from the settings; ``python -m octostar_runtime.deploy.nginx_config`` shows the result."""

import ipaddress
import re
import sys
from importlib.resources import files
from pathlib import Path

from octostar_runtime.deploy import refusals
from octostar_runtime.deploy.layout import UI_UPLOAD_MB, Layout
from octostar_runtime.errors import CannotStart
from octostar_runtime.settings import Settings

#: Streamlit needs inline scripts and eval (charts), so a script-src would break it; the rest can be closed.
SECURITY_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Permissions-Policy", "geolocation=(), payment=(), usb=(), serial=(), bluetooth=()"),
    ("Content-Security-Policy", "frame-ancestors {frame_ancestors}; object-src 'none'; base-uri 'self'"),
)
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_ANCESTORS = re.compile(r"[A-Za-z0-9:/.*'\[\] -]+")
_SECRET = re.compile(r"[A-Za-z0-9_.~+/=-]*")
_HEADER = re.compile(r"[A-Za-z0-9-]+")


#: The parts of a form that are not the file itself.
FORM_KB = 64
#: nginx writes variables as $name, so the placeholders are @{name}.
_PLACEHOLDER = re.compile(r"@\{([a-z_]+)\}")


def render_nginx(layout: Layout, *, account: str | None = None, connections: int = 1024) -> str:
    """Return the text of nginx.conf. CannotStart names the setting that nginx could not live with."""
    settings = layout.settings
    base = _checked(settings.base_path, _PREFIX, "OCTOSTAR_BASE_PATH", "/apps/demo")
    values = {
        "user": f"user {account};\n" if account else "",
        "connections": str(connections),
        "listen": settings.bind,
        "ui_port": str(settings.ui_port),
        "api_port": str(settings.api_port),
        "upload_mb": str(UI_UPLOAD_MB),
        "base": base,
        "edge_secret": _checked(layout.edge_secret, _SECRET, "OCTOSTAR_EDGE_SECRET", "letters and digits"),
        "waiting_page": _waiting_page(),
        "to_api": _to_api(settings),
        "api_mb": str(settings.upload_mb),
        "api_kb": str(settings.upload_mb * 1024 + FORM_KB),
        "refused_here": refusals.pages(),
        "refusals": _indent(refusals.locations(settings.upload_mb), 8),
        "asleep_problem": refusals.ASLEEP,
        "away_problem": refusals.AWAY,
        "desktop": _desktop(settings),
        "strip_base_path": _indent(f'"~^{re.escape(base)}(?<below_base>/.*)$" $below_base;', 8) if base else "",
        "rewrite_base_path": _rewrite(base),
        "security_headers": _security_headers(settings),
        **_identity(settings),
    }
    template = (files(__package__) / "nginx.conf.template").read_text()
    text = _PLACEHOLDER.sub(lambda found: values[found[1]], template)
    return re.sub(r"\n{3,}", "\n\n", text)


def _to_api(settings: Settings) -> str:
    refused = f"error_page 502 504 = @api_away; {refusals.pages(400, 408, 413)}"
    return f"proxy_pass http://127.0.0.1:{settings.api_port}$inner_uri; {refused}"


def _desktop(settings: Settings) -> str:
    comment = _indent("# The local desktop is a development tool: it has no place on a public port.", 8)
    rule = _to_api(settings) if settings.desktop else "return 404;"
    return f"{comment}\n        location = /desktop  {{ {rule} }}\n        location /desktop/ {{ {rule} }}\n"


def _rewrite(base: str) -> str:
    if not base:
        return ""
    return _indent(f"location = {base} {{ return 308 {base}/; }}\nrewrite ^{re.escape(base)}/(.*)$ /$1;\n", 8)


def _security_headers(settings: Settings) -> str:
    # add_header is inherited only by locations that have none of their own, so this block is repeated in those.
    ancestors = _checked(settings.frame_ancestors, _ANCESTORS, "OCTOSTAR_FRAME_ANCESTORS", "'self' https://example.org")
    lines = []
    for name, value in SECURITY_HEADERS:
        lines.append(f"proxy_hide_header {name};")
        lines.append(f'add_header {name} "{value.format(frame_ancestors=ancestors)}" always;')
    return _indent("\n".join(lines), 8)


def _identity(settings: Settings) -> dict[str, str]:
    """Let through who the trusted proxy says the user is; from anybody else those headers are taken off."""
    user = _checked(settings.proxy_user_header, _HEADER, "OCTOSTAR_PROXY_USER_HEADER", "X-Forwarded-User")
    roles = _checked(settings.proxy_roles_header, _HEADER, "OCTOSTAR_PROXY_ROLES_HEADER", "X-Forwarded-Groups")
    headers = {
        "X-Forwarded-User": '""',
        "X-Forwarded-Groups": '""',
        user: "$forwarded_user",
        roles: "$forwarded_groups",
    }
    return {
        "user_header": _variable(user),
        "roles_header": _variable(roles),
        "identity_headers": _indent("\n".join(f"proxy_set_header {n} {v};" for n, v in headers.items()), 4),
        "trusted_peers": _indent("\n".join(f"{network} 1;" for network in _networks(settings.trusted_proxy)), 8),
    }


def _variable(header: str) -> str:
    return "http_" + header.lower().replace("-", "_")


def _networks(text: str) -> list[str]:
    try:
        return [str(ipaddress.ip_network(part.strip(), strict=False)) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise CannotStart(
            f"OCTOSTAR_TRUSTED_PROXY: {error}: write addresses or networks, e.g. 10.0.0.5 or 10.0.0.0/24"
        ) from None


def _checked(value: str, allowed: re.Pattern[str], setting: str, example: str) -> str:
    # Whatever goes into the configuration must not be able to end a directive and start another.
    if not allowed.fullmatch(value):
        raise CannotStart(f"{setting}: {value!r} cannot be used: write it like {example}")
    return value


def _waiting_page() -> str:
    page = (files(__package__) / "waiting.html").read_text()
    return "".join(page.splitlines())


def _indent(text: str, width: int) -> str:
    return "\n".join(" " * width + line if line else line for line in text.splitlines())


if __name__ == "__main__":
    defaults = Settings.model_construct()
    sys.stdout.write(render_nginx(Layout(settings=defaults, app=Path("app.py"))))
