"""Failed sign-ins are counted per address, so that guessing is slow and one guesser locks out nobody else.

Called from any thread; time is the monotonic clock.
"""

import ipaddress
import threading
from collections import OrderedDict, deque

from octostar_runtime.clock import Clock
from octostar_runtime.errors import TooManyAttempts

#: Failures allowed per address in the window, and over all addresses.
PER_PEER = 10
OVERALL = 100
WINDOW_S = 300.0
#: Addresses remembered; the longest silent is forgotten first.
PEERS = 10_000


class AttemptLimit:
    """Remember recent failures; refuse the next attempt when there were too many."""

    def __init__(self, clock: Clock, *, per_peer: int = PER_PEER, overall: int = OVERALL) -> None:
        self._clock = clock
        self._per_peer = per_peer
        self._lock = threading.Lock()
        self._by_peer: OrderedDict[str, deque[float]] = OrderedDict()
        self._all: deque[float] = deque(maxlen=overall)

    def begin(self, peer: str, *, guessable: bool) -> None:
        """Note an attempt, as failed until it has succeeded: many at once must not slip through together.

        Raises TooManyAttempts, with the seconds to wait, when ``peer`` has to pause. For what can be guessed, a
        password, the failures of all addresses count too; a link has so many bits that others' failures need not
        keep anybody from using theirs.
        """
        now = self._clock.monotonic()
        key = _key(peer)
        with self._lock:
            wait_s = _wait(self._by_peer.get(key), self._per_peer, now)
            if guessable:
                wait_s = max(wait_s, _wait(self._all, self._all.maxlen or OVERALL, now))
            if wait_s > 0:
                raise TooManyAttempts(
                    f"too many failed sign-ins; try again in {wait_s:.0f} seconds", retry_after_s=max(1.0, wait_s)
                )
            self._note(key, now, guessable=guessable)

    def succeeded(self, peer: str) -> None:
        """Forget the failures of an address that has shown it knows a secret."""
        with self._lock:
            mine = self._by_peer.pop(_key(peer), None)
            if mine and self._all and self._all[-1] == mine[-1]:
                self._all.pop()  # this very attempt

    def forgive(self, peer: str) -> None:
        """Take the newest attempt back: that it failed was not the caller's fault."""
        with self._lock:
            if mine := self._by_peer.get(_key(peer)):
                mine.pop()

    def _note(self, key: str, now: float, *, guessable: bool) -> None:
        failures = self._by_peer.setdefault(key, deque(maxlen=self._per_peer))
        self._by_peer.move_to_end(key)
        failures.append(now)
        if guessable:
            self._all.append(now)
        while len(self._by_peer) > PEERS:
            self._by_peer.popitem(last=False)


def _wait(failures: deque[float] | None, limit: int, now: float) -> float:
    """Seconds until the oldest of ``limit`` failures leaves the window; 0 when there is room."""
    if not failures:
        return 0.0
    recent = [at for at in failures if now - at < WINDOW_S]
    return 0.0 if len(recent) < limit else WINDOW_S - (now - recent[0])


def _key(peer: str) -> str:
    """An IPv6 customer owns a /64: count it as one address."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return peer
