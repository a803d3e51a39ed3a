"""What is the same for all viewers of one frozen snapshot is worked out once, not once per viewer and refresh."""

from collections.abc import Callable, Hashable
from typing import TypeVar, cast

T = TypeVar("T")
_UNKNOWN = object()


class Once:
    """Answers about frozen values: at most ``kept`` about each, and only about the newest ``values`` of them.

    Safe between threads without a lock: two viewers who ask at the same moment may both do the work, and either
    answer is right.
    """

    def __init__(self, kept: int = 16, *, values: int = 1) -> None:
        self._kept = kept
        self._values = values
        self._known: tuple[tuple[object, dict[Hashable, object]], ...] = ()

    def get(self, frozen: object, question: Hashable, answer: Callable[[], T]) -> T:
        """Return ``answer()``, or what it was when this was last asked about the same ``frozen`` value.

        ``question`` has to hold everything else that the answer depends on.
        """
        answers = self._about(frozen)
        known = answers.get(question, _UNKNOWN)
        if known is not _UNKNOWN:
            return cast("T", known)
        found = answer()
        if len(answers) >= self._kept:
            answers.clear()
        answers[question] = found
        return found

    def _about(self, frozen: object) -> dict[Hashable, object]:
        """Return the answers about the very same value; equal is not enough, to compare would cost too much."""
        for of, answers in self._known:
            if of is frozen:
                return answers
        fresh: dict[Hashable, object] = {}
        self._known = ((frozen, fresh), *self._known[: self._values - 1])
        return fresh
