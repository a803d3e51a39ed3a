"""A large result that stays on the worker that made it, until somebody asks for it."""

from collections.abc import Callable
from typing import Any

from octostar_runtime.errors import ResultExpired


class KeptResult:
    """Stands for the result in the run. ``bytes`` is its size where it is, pickled."""

    __slots__ = ("_drop", "_fetch", "bytes", "run", "where")

    def __init__(
        self, *, run: str, where: str, size: int, fetch: Callable[[], bytes | None], drop: Callable[[], object]
    ) -> None:
        self.run = run
        self.where = where
        self.bytes = size
        self._fetch = fetch
        self._drop = drop

    def fetch(self) -> Any:
        """Return the result itself; ResultExpired when its worker is gone or had to make room. May take seconds."""
        from octostar_runtime.tasks.engines.remote.packing import unpack_value

        try:
            packed = self._fetch()
        except OSError as error:
            raise ResultExpired(
                f"the result of run {self.run} ({self.bytes:,} bytes) is on {self.where}, which cannot be reached: "
                f"{error}"
            ) from error
        if packed is None:
            raise ResultExpired(
                f"the result of run {self.run} ({self.bytes:,} bytes) is gone: {self.where} has ended, or made room "
                "for newer ones; fetch results sooner, or write them to a shared place and return where"
            )
        return unpack_value(packed)

    def drop(self) -> None:
        """Let the worker forget it."""
        self._drop()

    def __repr__(self) -> str:
        return f"<result of {self.bytes:,} bytes on {self.where}>"
