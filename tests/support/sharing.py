"""How two processes share the tests: one takes what is real and measures time, the other takes the rest file by file.

So no two deployments of ours that are timed compete for the machine, and what a file sets up is set up once.
"""

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

#: Where tests start real servers and browsers, whose times would suffer from each other.
REAL = ("tests/real/", "tests/contracts/sessions/")
#: Those among them that measure no time go to the process that has less to do.
PATIENT = (
    "tests/real/api/test_generated_client.py",
    "tests/real/api/test_schema.py",
    "tests/real/console/test_mounted.py",
    "tests/real/console/test_openid.py",
    "tests/real/docs/",
    "tests/real/dropin/",
    "tests/real/launch/test_preconditions.py",
    "tests/real/patterns/",
)


class Sharing(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out groups of tests, the largest first."""

    def _split_scope(self, nodeid: str) -> str:
        """Return the group of a test."""
        file = nodeid.partition("::")[0]
        return "real" if file.startswith(REAL) and not file.startswith(PATIENT) else file
