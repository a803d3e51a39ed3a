"""What a viewer chose survives in a cookie, and a forged cookie does no harm."""

import pytest

from octostar_runtime.ui import preferences
from octostar_runtime.ui.preferences import REFRESH, TIMES, Preferences


@pytest.mark.parametrize("refresh", REFRESH)
@pytest.mark.parametrize("times", TIMES)
def test_choices_survive_the_cookie(refresh: str, times: str) -> None:
    chosen = Preferences(refresh=refresh, times=times)

    assert preferences.read(chosen.cookie()) == chosen


@pytest.mark.parametrize("cookie", [None, "", "0.001s.utc'; x", "999h.relative", ".", "2s.<script>"])
def test_a_forged_or_missing_cookie_gives_defaults(cookie: str | None) -> None:
    read = preferences.read(cookie)

    assert read.refresh in REFRESH
    assert read.times in TIMES


def test_refresh_can_be_switched_off() -> None:
    assert Preferences(refresh="Off").refresh_s is None
