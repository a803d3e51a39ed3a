"""How many requests are held while something wakes up."""

from collections.abc import Iterator
from contextlib import contextmanager


class Held:
    """Counts held requests. Used on one event loop only."""

    def __init__(self) -> None:
        self.count = 0

    @contextmanager
    def place(self, most: int) -> Iterator[bool]:
        """Take a place for the length of the block; yields whether there was one."""
        if self.count >= most:
            yield False
            return
        self.count += 1
        try:
            yield True
        finally:
            self.count -= 1
