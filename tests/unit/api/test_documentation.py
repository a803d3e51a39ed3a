"""What the documentation says of searches is what the parser takes."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octostar_runtime.api.searches import QUERY_PATTERN
from octostar_runtime.query import parse


@settings(max_examples=200, deadline=None)
@given(st.from_regex(QUERY_PATTERN).filter(lambda text: len(text) <= 1000))
def test_every_documented_search_can_be_read(text: str) -> None:
    parse(text)


@pytest.mark.parametrize(
    "text",
    ["", "report", "-x", "state:failed,lost user:ada*", 'name:"a b" -pool:gpu', "older:5m longer:1.5h", '"disk full"'],
)
def test_common_searches_are_documented(text: str) -> None:
    assert re.search(QUERY_PATTERN, text)


@pytest.mark.parametrize("text", ["state:bogus", "nope:x", '"open', "older:soon", "user:"])
def test_what_cannot_be_read_is_not_documented(text: str) -> None:
    assert not re.search(QUERY_PATTERN, text)
