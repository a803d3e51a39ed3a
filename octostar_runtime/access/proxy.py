"""Identity told by a proxy in front of us, believed only when it truly comes from that proxy.

In full mode our own nginx stands between: it sets ``X-Real-IP`` to the address it was called from and, with
``X-Octostar-Edge``, proves that it is our nginx and not another process of this machine.
"""

import hmac
import ipaddress
from collections.abc import Mapping

from octostar_runtime.access.roles import RoleMap
from octostar_runtime.errors import SettingsError
from octostar_runtime.models.access import Principal
from octostar_runtime.settings import Settings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
EDGE_HEADER = "x-octostar-edge"


class TrustedProxy:
    """Read who the user is from the headers of ``OCTOSTAR_TRUSTED_PROXY``. Header names are lower-case."""

    def __init__(self, settings: Settings, roles: RoleMap) -> None:
        self._networks = _networks(settings.trusted_proxy)
        self._user_header = settings.proxy_user_header.lower()
        self._roles_header = settings.proxy_roles_header.lower()
        self._edge_secret = settings.edge_secret.get_secret_value()
        self._behind_nginx = settings.mode == "full"
        self._roles = roles

    @property
    def configured(self) -> bool:
        """Whether any proxy is trusted."""
        return bool(self._networks)

    @property
    def expects_edge(self) -> bool:
        """Whether our nginx has a secret to prove itself with."""
        return bool(self._edge_secret)

    def peer(self, headers: Mapping[str, str], peer: str) -> str:
        """Return the address of whoever called: behind our nginx the one that nginx saw.

        ``peer`` itself is not enough to tell that it was our nginx: Streamlit's server puts in its place what nginx
        says of who called.
        """
        if self._behind_nginx and (_is_loopback(peer) or self.is_edge(headers)):
            return headers.get("x-real-ip", "").strip() or peer
        return peer

    def principal(self, headers: Mapping[str, str], peer: str) -> Principal | None:
        """Return the user the trusted proxy names; None when there is none or the caller is not that proxy."""
        name = headers.get(self._user_header, "").strip()
        if not name or len(name) > 200 or not self._comes_from_proxy(headers, peer):
            return None
        groups = [group.strip() for group in headers.get(self._roles_header, "").split(",") if group.strip()]
        return Principal(name=name, role=self._roles.of([name], groups[:500]), via="proxy")

    def is_edge(self, headers: Mapping[str, str]) -> bool:
        """Whether the request bears the secret that only our nginx knows."""
        sent = headers.get(EDGE_HEADER, "").encode("utf-8", "surrogateescape")
        return bool(self._edge_secret) and hmac.compare_digest(sent, self._edge_secret.encode())

    def _comes_from_proxy(self, headers: Mapping[str, str], peer: str) -> bool:
        if not self._networks:
            return False
        if self._behind_nginx and not self.is_edge(headers):
            return False
        if not self._behind_nginx and _claims_to_be(peer, headers):
            return False
        try:
            address = ipaddress.ip_address(self.peer(headers, peer))
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None) or address
        return any(mapped in network for network in self._networks)


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise SettingsError(
            f"OCTOSTAR_TRUSTED_PROXY: {error}; write addresses or networks, e.g. 10.0.0.5 or 10.0.0.0/24"
        ) from None


def _claims_to_be(peer: str, headers: Mapping[str, str]) -> bool:
    """Whether ``peer`` may be no more than what a process of this machine says of itself.

    Streamlit's server believes X-Forwarded-For of this machine and takes the address from it. A true proxy writes
    there whom it was called by, never itself.
    """
    return peer in (part.strip() for part in headers.get("x-forwarded-for", "").split(","))


def _is_loopback(peer: str) -> bool:
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False
