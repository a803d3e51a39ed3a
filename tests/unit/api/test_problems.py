"""Every error of ours has a status and a kind of its own; none is an unexplained 500."""

import inspect

import pytest

from octostar_runtime import errors
from octostar_runtime.api.problems import KINDS


def _ours() -> list[type[Exception]]:
    found = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    return [kind for kind in found if issubclass(kind, Exception)]


@pytest.mark.parametrize("kind", _ours(), ids=lambda kind: kind.__name__)
def test_every_error_is_a_problem_with_a_status(kind: type[Exception]) -> None:
    assert any(issubclass(kind, known) for known, *_ in KINDS)


def test_no_derived_error_is_hidden_behind_its_base() -> None:
    for index, (kind, *_) in enumerate(KINDS):
        for earlier, *_ in KINDS[:index]:
            assert not issubclass(kind, earlier), f"{kind.__name__} is never reached, {earlier.__name__} comes first"
