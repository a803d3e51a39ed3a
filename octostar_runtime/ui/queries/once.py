"""What is the same for all viewers of one frozen snapshot is worked out once, not once per viewer and refresh."""

from collections.abc import Callable, Hashable
from typing import TypeVar, cast

T = TypeVar("T")
_UNKNOWN = object()


class Once:
    """Answers about one frozen value, dropped as soon as the next value is asked about; at most ``kept`` of them.

    Safe between threads without a lock: two viewers who ask at the same moment may both do the work, and either
    answer is right.
    """

    def __init__(self, kept: int = 16) -> None:
        self._kept = kept
        self._known: tuple[object, dict[Hashable, object]] = (None, {})

    def get(self, frozen: object, question: Hashable, answer: Callable[[], T]) -> T:
        """Return ``answer()``, or what it was when this was last asked about the same ``frozen`` value.

        ``question`` has to hold everything else that the answer depends on.
        """
        of, answers = self._known
        if of is not frozen:
            answers = {}
            self._known = (frozen, answers)
        known = answers.get(question, _UNKNOWN)
        if known is not _UNKNOWN:
            return cast("T", known)
        found = answer()
        if len(answers) >= self._kept:
            answers.clear()
        answers[question] = found
        return found
