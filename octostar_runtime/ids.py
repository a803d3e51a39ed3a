"""Identifiers that sort by the time they were made (UUID version 7, RFC 9562)."""

import os
import threading
import time

_TAILS = 256  # random tails drawn from the system at once
_COUNTERS = tuple(f"{n:03x}" for n in range(0x1000))


class _Mint:
    """Makes the ids of one process: the 12 bits behind the millisecond are a counter, the rest is random."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ms = 0
        self._counter = 0
        self._prefix = ""
        self._tails: list[str] = []

    def new_id(self) -> str:
        with self._lock:
            ms = time.time_ns() // 1_000_000
            if ms > self._ms:
                self._start(ms)
            elif self._counter == 0xFFF:
                self._start(self._ms + 1)
            else:
                self._counter += 1
            if not self._tails:
                self._tails = _random_tails()
            return self._prefix + _COUNTERS[self._counter] + self._tails.pop()

    def _start(self, ms: int) -> None:
        text = f"{ms:012x}"
        self._ms, self._counter, self._prefix = ms, 0, f"{text[:8]}-{text[8:]}-7"


def _random_tails() -> list[str]:
    digits = os.urandom(8 * _TAILS).hex()
    return [
        f"-{'89ab'[int(digits[at], 16) & 3]}{digits[at + 1 : at + 4]}-{digits[at + 4 : at + 16]}"
        for at in range(0, len(digits), 16)
    ]


_mint = _Mint()


def new_id() -> str:
    """Return a UUIDv7 as its canonical 36 characters.

    Ids made in one process sort in the order they were made: the counter runs on into the next millisecond
    instead of wrapping.
    """
    return _mint.new_id()


def _after_fork() -> None:
    # a child must not hand out the tails its parent has drawn, nor inherit a lock somebody held
    global _mint
    _mint = _Mint()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class BurstMint:
    """Makes sortable ids at the least cost, for records that are made by the ten thousand; not thread-safe.

    Ids of one millisecond share their random part and differ in the counter, so they are unique but guessable.
    """

    __slots__ = ("_counter", "_ms", "_prefix", "_tail")

    def __init__(self) -> None:
        self._ms = 0
        self._counter = 0
        self._prefix = self._tail = ""

    def next(self, wall_s: float) -> str:
        """Return the id after the last one, made at ``wall_s`` (UTC seconds)."""
        ms = int(wall_s * 1000)
        if ms > self._ms or self._counter == 0xFFF:
            self._begin(max(ms, self._ms + 1))
        else:
            self._counter += 1
        return self._prefix + _COUNTERS[self._counter] + self._tail

    def _begin(self, ms: int) -> None:
        text = f"{ms:012x}"
        digits = os.urandom(8).hex()
        self._ms, self._counter, self._prefix = ms, 0, f"{text[:8]}-{text[8:]}-7"
        self._tail = f"-{'89ab'[int(digits[0], 16) & 3]}{digits[1:4]}-{digits[4:]}"
