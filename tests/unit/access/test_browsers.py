"""What browsers send and are sent: redirects, cookies, and where a request comes from."""

import pytest

from octostar_runtime.access import (
    COOKIE_NAME,
    clear_cookie_header,
    cookie_header,
    cookie_value,
    safe_next,
    same_origin,
    speculative,
)


@pytest.mark.parametrize("target", ["/", "/tasks", "/tasks?state=running&q=a%2Fb", "/a/b#c"])
def test_a_path_of_ours_is_followed(target: str) -> None:
    assert safe_next(target) == target


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "tasks",
        "//evil.com",
        "///evil.com",
        "/\\evil.com",
        "\\\\evil.com",
        "https://evil.com",
        "https:evil.com",
        "javascript:alert(1)",
        "/\t/evil.com",
        "\t//evil.com",
        " //evil.com",
        "/a\r\nSet-Cookie: x=1",
        "/a/..//evil.com",
        "/./\\evil.com",
        "/" + "a" * 3000,
    ],
)
def test_everything_else_leads_home(target: str | None) -> None:
    assert safe_next(target) == "/"


def test_the_base_path_is_put_in_front_once() -> None:
    assert safe_next("/tasks", "/apps/demo") == "/apps/demo/tasks"
    assert safe_next("/apps/demo/tasks", "/apps/demo") == "/apps/demo/tasks"
    assert safe_next("/apps/demonstration", "/apps/demo") == "/apps/demo/apps/demonstration"
    assert safe_next("//evil.com", "/apps/demo") == "/apps/demo/"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites() -> None:
    header = cookie_header("v", max_age_s=60.5, path="/apps/demo", secure=True, cross_site=False)
    assert header == f"{COOKIE_NAME}=v; Path=/apps/demo; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
    assert "Secure" not in cookie_header("v", max_age_s=60, path="", secure=False, cross_site=False)


def test_in_a_frame_of_another_site_the_cookie_is_secure_and_partitioned() -> None:
    header = cookie_header("v", max_age_s=60, path="", secure=False, cross_site=True)
    assert header.endswith("SameSite=None; Secure; Partitioned")
    assert "Max-Age=0" in clear_cookie_header(path="", secure=False, cross_site=True)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        (f"{COOKIE_NAME}=abc", "abc"),
        (f'a=1; {COOKIE_NAME}="abc"; b=2', "abc"),
        (f"x{COOKIE_NAME}=abc", None),
        (f"{COOKIE_NAME}=", None),
        (";;=;", None),
        (None, None),
    ],
)
def test_the_cookie_is_found_among_others(header: str | None, value: str | None) -> None:
    assert cookie_value(header) == value


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "http://a:8080", "host": "a:8080"}, False),
        ({"origin": "http://a:8080", "host": "A:8080"}, True),
        ({"origin": "http://a:8081", "host": "a:8080"}, False),
        ({"origin": "null", "host": "a:8080"}, False),
        ({"origin": "", "host": ""}, False),
        ({"origin": "http://[", "host": "a"}, False),
        ({}, True),
    ],
)
def test_only_our_own_pages_and_programs_may_use_a_cookie_for_a_change(headers: dict[str, str], ours: bool) -> None:
    assert same_origin(headers) is ours


def test_a_browser_that_asks_ahead_of_its_user_is_recognised() -> None:
    assert speculative({"sec-purpose": "prefetch;prerender"})
    assert speculative({"purpose": "prefetch"})
    assert speculative({"x-moz": "prefetch"})
    assert not speculative({"sec-fetch-mode": "navigate"})
