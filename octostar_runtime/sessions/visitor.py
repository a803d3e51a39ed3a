"""Who connected: address, browser and identity, read from the headers of the websocket handshake. Pure."""

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from octostar_runtime.settings import Settings

#: Order matters: Edge and Opera also call themselves Chrome, Chrome also calls itself Safari.
_BROWSERS = (
    ("Edge", re.compile(r"Edg(?:e|A|iOS)?/(\d+)")),
    ("Opera", re.compile(r"OPR/(\d+)")),
    ("Firefox", re.compile(r"(?:Firefox|FxiOS)/(\d+)")),
    ("Chrome", re.compile(r"(?:HeadlessChrome|Chrome|CriOS)/(\d+)")),
    ("Safari", re.compile(r"Version/(\d+)[\d.]* (?:Mobile/\S+ )?Safari/")),
)
_SYSTEMS = (
    ("iOS", re.compile(r"iPhone|iPad")),
    ("Android", re.compile(r"Android")),
    ("Windows", re.compile(r"Windows")),
    ("macOS", re.compile(r"Mac OS X|Macintosh")),
    ("ChromeOS", re.compile(r"CrOS")),
    ("Linux", re.compile(r"Linux")),
)
#: Where st.user keeps a name, best first.
_IDENTITY_KEYS = ("email", "preferred_username", "name", "user", "username", "sub")
_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """What the handshake says about the browser. Everything here may be personal."""

    user: str | None = None
    remote_address: str | None = None
    browser: str | None = None


def read_visitor(
    headers: Sequence[tuple[str, str]], peer: str | None, user_info: Mapping[str, object], settings: Settings
) -> Visitor:
    """Return who connects: ``peer`` is the other end of the connection, ``user_info`` what ``st.user`` knows."""
    named = None
    if settings.trusted_proxy and peer is not None and peer == settings.trusted_proxy:
        named = next(iter(header(headers, settings.proxy_user_header)), None)
    return Visitor(
        user=identity(user_info, named),
        remote_address=remote_address(peer, header(headers, "x-forwarded-for"), settings.trusted_proxy),
        browser=shorten_browser(next(iter(header(headers, "user-agent")), None)),
    )


def shorten_browser(user_agent: str | None) -> str | None:
    """Return e.g. ``"Chrome 156 on Linux"``; the first word of an agent that is no known browser."""
    if not user_agent:
        return None
    system = next((name for name, pattern in _SYSTEMS if pattern.search(user_agent)), None)
    for name, pattern in _BROWSERS:
        if found := pattern.search(user_agent):
            return f"{name} {found[1]}" + (f" on {system}" if system else "")
    return user_agent.split()[0][:40] if user_agent.split() else None


def remote_address(peer: str | None, forwarded_for: Sequence[str], trusted_proxy: str = "") -> str | None:
    """Return the browser's address.

    X-Forwarded-For is believed only when the peer is this machine or ``trusted_proxy``, and then from the right:
    the last hop that is not itself such a proxy. Whatever stands further left was written by the client.
    """
    if peer is None or not _is_trusted(peer, trusted_proxy):
        return peer
    hops = [hop.strip() for line in forwarded_for for hop in line.split(",") if hop.strip()]
    for hop in reversed(hops):
        if not _is_trusted(hop, trusted_proxy):
            return hop[:_LONGEST]
    return hops[0][:_LONGEST] if hops else peer


def identity(user_info: Mapping[str, object], header_user: str | None = None) -> str | None:
    """Return the name to show for what ``st.user`` knows, else what a trusted proxy said, else None."""
    for key in _IDENTITY_KEYS:
        value = user_info.get(key)
        if isinstance(value, str) and value:
            return value[:_LONGEST]
    return header_user[:_LONGEST] if header_user else None


def header(headers: Iterable[tuple[str, str]], name: str) -> list[str]:
    """Return all values of a header, in order."""
    wanted = name.lower()
    return [value for key, value in headers if key.lower() == wanted]


def _is_trusted(address: str, trusted_proxy: str) -> bool:
    if trusted_proxy and address == trusted_proxy:
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address in ("localhost", "")
