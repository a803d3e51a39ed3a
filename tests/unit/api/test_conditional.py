"""A client that names the version it has hears that it is still the same."""

import pytest

from octostar_runtime.api.conditional import names


@pytest.mark.parametrize("header", ['"3"', 'W/"3"', '"1", "3"', "*"])
def test_a_version_that_is_named_is_known(header: str) -> None:
    assert names(header, '"3"')
    assert names(header, 'W/"3"')


@pytest.mark.parametrize("header", ['"30"', "3", "", '"1", "2"'])
def test_another_version_is_not(header: str) -> None:
    assert not names(header, '"3"')
