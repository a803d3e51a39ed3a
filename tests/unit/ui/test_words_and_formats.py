"""Every state has a word, and numbers read as people write them."""

from enum import Enum

import pytest

from octostar_runtime.models.nodes import NodeState
from octostar_runtime.models.runs import CancelOutcome, RunState
from octostar_runtime.models.services import ServiceState
from octostar_runtime.models.sessions import EndReason, Life, SessionState
from octostar_runtime.ui import formats, words


@pytest.mark.parametrize(
    ("table", "states"),
    [
        (words.RUN, RunState),
        (words.SESSION, SessionState),
        (words.LIFE, Life),
        (words.NODE, NodeState),
        (words.SERVICE, ServiceState),
        (words.CANCEL, CancelOutcome),
        (words.ENDED_BECAUSE, EndReason),
    ],
)
def test_every_state_has_a_word(table: dict[str, object], states: type[Enum]) -> None:
    assert set(table) == {state.value for state in states}


def test_a_state_of_a_newer_release_is_shown_as_it_is_called() -> None:
    assert words.word(words.RUN, "half_done") == words.Word("Half done", "odd")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "—"),
        (0.004, "4 ms"),
        (0.42, "0.4 s"),
        (9.96, "9 s"),
        (12, "12 s"),
        (300, "5 min"),
        (200, "3 min 20 s"),
        (7500, "2 h 05 min"),
        (7200, "2 h"),
        (273_600, "3 d 4 h"),
    ],
)
def test_a_duration_is_told_in_at_most_two_units(seconds: float | None, said: str) -> None:
    assert formats.duration(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 kB"), (412 * 2**20, "412 MB"), (3 * 2**40, "3.0 TB")]
)
def test_bytes_are_told_in_steps_of_1024(count: int, said: str) -> None:
    assert formats.size(count) == said


def test_a_session_is_never_named_by_its_whole_id() -> None:
    secret = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"

    assert formats.session_name(secret) in secret
    assert len(formats.session_ref(secret)) < len(secret)
