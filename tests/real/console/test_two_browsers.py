"""Two browsers are two sessions: what one types, the other never sees."""

from contextlib import suppress
from threading import Barrier, Thread

import pytest

from tests.support.running_app import RunningApp
from tests.support.streamlit_client import StreamlitClient

pytestmark = pytest.mark.real

NOTE = "A note that only this tab can see"
PAGE = "patterns_initialization"


def tab(console: RunningApp) -> StreamlitClient:
    return StreamlitClient(console.url, headers={"Origin": console.url}).go(PAGE)


def test_what_one_browser_types_the_other_never_sees(console: RunningApp) -> None:
    with tab(console) as ada, tab(console) as ben:
        assert ada.session_id != ben.session_id
        ada.type(NOTE, "ada-was-here")
        ben.type(NOTE, "ben-was-here")
        ada.click("Run the script again")
        ben.click("Run the script again")
        assert ada.shows("ada-was-here")
        assert ben.shows("ben-was-here")
        assert not ada.shows("ben-was-here")
        assert not ben.shows("ada-was-here")


def test_sessions_that_run_at_the_same_time_keep_their_values_apart(console: RunningApp) -> None:
    people, together, seen = 4, Barrier(4), dict[int, list[str]]()

    def person(number: int) -> None:
        with tab(console) as mine, suppress(TimeoutError):
            together.wait(30)
            for turn in range(3):
                mine.type(NOTE, f"note-{number}-{turn}")
            mine.click("Run the script again")
            seen[number] = [text for text in mine.texts() if "note-" in text]

    threads = [Thread(target=person, args=(number,)) for number in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(50)
    assert sorted(seen) == [0, 1, 2, 3]
    for number, texts in seen.items():
        assert texts, f"person {number} saw no note at all"
        assert all(f"note-{number}-2" in text for text in texts), texts
