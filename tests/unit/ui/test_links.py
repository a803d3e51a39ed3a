"""Addresses lead where they say, at any mount point."""

import pytest

from octostar_runtime.ui.links import PAGES, Links


@pytest.mark.parametrize("prefix", ["", "console", "ops"])
@pytest.mark.parametrize("page", PAGES)
def test_an_address_leads_back_to_its_page_and_parameters(prefix: str, page: str) -> None:
    links = Links(prefix)

    assert links.page_of(links.to(page, q='user:ada* "disk full"', state="failed")) == (
        page,
        {"q": 'user:ada* "disk full"', "state": "failed"},
    )


def test_empty_parameters_are_left_out_of_an_address() -> None:
    assert Links().to("tasks", q="", page=None, state="failed") == "./tasks?state=failed"


@pytest.mark.parametrize("href", ["https://evil.example/tasks", "//evil.example", "javascript:alert(1)", "./elsewhere"])
def test_an_address_that_is_not_ours_leads_nowhere(href: str) -> None:
    assert Links().page_of(href) is None


def test_only_pages_of_the_console_make_an_observer() -> None:
    links = Links("console")

    assert links.is_page("console-tasks")
    assert not links.is_page("")
    assert not links.is_page("patterns_parallelism")
    assert Links().is_page("")
