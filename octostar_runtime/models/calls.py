"""Calls that are repeated under one key."""

from dataclasses import dataclass

#: How long a key leads to the run it started, seconds.
KEPT_S = 86_400.0
#: A request that has not started its run after so many seconds never will: its process is gone.
PENDING_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedCall:
    """The first request with a key: a digest of its content, and its run once that is started."""

    content: str
    run_id: str | None
