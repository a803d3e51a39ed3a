"""How two processes share the tests: one takes all that is real, the other takes the rest file by file.

So no two servers or browsers of ours compete for the machine, and what a file sets up is set up once.
"""

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

#: Where tests start real servers and browsers, whose times would suffer from each other.
REAL = ("tests/real/", "tests/contracts/sessions/")


class Sharing(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out groups of tests, the largest first."""

    def _split_scope(self, nodeid: str) -> str:
        """Return the group of a test."""
        return "real" if nodeid.startswith(REAL) else nodeid.partition("::")[0]
