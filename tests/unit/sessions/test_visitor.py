"""Address, browser and identity from the headers of a handshake; what of it is shown; memory."""

import pytest

from octostar_runtime.sessions.sizing import sizes_by_key
from octostar_runtime.sessions.visitor import identity, remote_address, shorten_browser


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "expected"),
    [
        ("127.0.0.1", ["203.0.113.9"], "", "203.0.113.9"),
        ("127.0.0.1", ["6.6.6.6, 203.0.113.9"], "", "203.0.113.9"),  # the left part was written by the client
        ("::1", ["203.0.113.9, 127.0.0.1"], "", "203.0.113.9"),
        ("198.51.100.7", ["203.0.113.9"], "", "198.51.100.7"),  # a stranger may claim what it likes
        ("10.0.0.5", ["203.0.113.9"], "10.0.0.5", "203.0.113.9"),
        ("127.0.0.1", [], "", "127.0.0.1"),
        (None, ["203.0.113.9"], "", None),
    ],
)
def test_forwarded_addresses_are_believed_from_trusted_peers_only(
    peer: str | None, forwarded: list[str], trusted: str, expected: str | None
) -> None:
    assert remote_address(peer, forwarded, trusted) == expected


CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0"
SAFARI = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.4 Safari/605.1.15"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) Version/17.4 Mobile/15E148 Safari/604.1"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (CHROME, "Chrome 156 on Linux"),
        (EDGE, "Edge 126 on Windows"),
        (SAFARI, "Safari 17 on macOS"),
        (IPHONE, "Safari 17 on iOS"),
        (FIREFOX, "Firefox 126 on Linux"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", None),
    ],
)
def test_a_user_agent_is_shortened(agent: str, expected: str | None) -> None:
    assert shorten_browser(agent) == expected


def test_identity_prefers_what_streamlit_knows_over_a_proxys_header() -> None:
    assert identity({"email": "ada@example.org", "name": "Ada"}, "proxy") == "ada@example.org"
    assert identity({"is_logged_in": False}, "proxy") == "proxy"
    assert identity({}) is None


def test_memory_counts_what_a_state_holds_and_stops_at_its_bound() -> None:
    ring: list[object] = [bytes(100_000)]
    ring.append(ring)
    sizes = sizes_by_key({"big": "x" * 1_000_000, "ring": ring, "small": 1})
    assert 1_000_000 <= sizes["big"] < 1_001_000
    assert 100_000 <= sizes["ring"] < 101_000
    assert sizes["small"] < 100
    assert sum(sizes_by_key({"many": list(range(100_000))}, most_objects=10).values()) < 2_000_000
