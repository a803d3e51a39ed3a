"""A browser signs in over HTTP and is recognised until it signs out."""

import httpx
import pytest

from octostar_runtime.models.access import Role
from tests.support.api_server import ApiServer

pytestmark = pytest.mark.real


def test_the_link_signs_a_browser_in_once_and_leads_on(server: ApiServer) -> None:
    link = server.runtime.access.first_link()
    with httpx.Client(base_url=server.url) as browser:
        answer = browser.get("/api/sign-in", params={"link": link, "next": "/tasks?state=running"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/tasks?state=running")
        assert "HttpOnly" in answer.headers["set-cookie"]
        assert "SameSite=Lax" in answer.headers["set-cookie"]
        assert browser.get("/api/me").json()["role"] == "admin"
        assert browser.post("/api/sign-out").status_code == 204
        assert browser.get("/api/me").status_code == 401
    assert httpx.get(f"{server.url}/api/sign-in", params={"link": link}).status_code == 401


def test_a_browser_that_looks_ahead_does_not_use_the_link_up(server: ApiServer) -> None:
    link = server.runtime.access.first_link()
    url = f"{server.url}/api/sign-in"
    assert httpx.get(url, params={"link": link}, headers={"Sec-Purpose": "prefetch"}).status_code == 503
    assert httpx.head(url, params={"link": link}).status_code == 503
    page = httpx.get(url, params={"link": link}, headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "<button" in page.text
    confirmed = httpx.post(url, data={"link": link}, headers={"Accept": "text/html"})
    assert confirmed.status_code == 303
    assert "octostar_signin=" in confirmed.headers["set-cookie"]


def test_nobody_is_led_to_another_site(server: ApiServer) -> None:
    link = server.runtime.access.first_link()
    answer = httpx.get(f"{server.url}/api/sign-in", params={"link": link, "next": "//evil.example/x"})
    assert answer.headers["location"] == "/"


def test_another_sites_page_cannot_use_the_cookie_for_a_change(server: ApiServer) -> None:
    link = server.runtime.access.first_link()
    with httpx.Client(base_url=server.url) as browser:
        browser.get("/api/sign-in", params={"link": link})
        body = {"run_ids": ["x"]}
        for foreign in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            refused = browser.post("/api/runs/cancel", json=body, headers=foreign)
            assert refused.status_code == 403
            assert refused.headers["content-type"] == "application/problem+json"
        assert browser.post("/api/runs/cancel", json=body, headers={"Origin": server.url}).status_code == 200


def test_wrong_proofs_are_refused_as_problems_or_as_a_page(server: ApiServer) -> None:
    url = f"{server.url}/api/sign-in"
    refused = httpx.post(url, json={"password": "guess"})
    assert refused.status_code == 401
    assert refused.json()["type"] == "urn:octostar:problem:not-signed-in"
    page = httpx.get(url, params={"link": "octl_guess"}, headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"})
    assert page.status_code == 401
    assert "unknown, used or expired" in page.text


def test_a_viewer_is_refused_every_change_and_the_attempt_is_in_the_audit_log(server: ApiServer) -> None:
    headers = {"Authorization": f"Bearer {server.token(Role.VIEWER)}"}
    attempts = [
        ("POST", "/api/runs/cancel", {"run_ids": ["x"]}),
        ("POST", "/api/runs/retry", {"q": "", "expected": 0}),
        ("POST", "/api/sessions/end", {"session_ids": ["x"]}),
        ("POST", "/api/sessions/message", {"text": "hello"}),
        ("POST", "/api/holds", {"reason": "because", "ttl_s": 60}),
        ("PUT", "/api/policy", {"version": 0, "policy": {}}),
        ("POST", "/api/people/erase", {"user": "ada"}),
        ("POST", "/api/sign-in-links", {"name": "eve", "role": "admin"}),
        ("POST", "/api/tokens", {"label": "more", "role": "admin"}),
    ]
    for method, path, body in attempts:
        answer = httpx.request(method, server.url + path, json=body, headers=headers)
        assert (path, answer.status_code) == (path, 403)
    server.runtime.publisher.flush_now()
    with server.client() as client:
        denied = client.events(kind="access.denied").items
    assert {event.actor for event in denied} == {"viewer"}
    assert len(denied) >= 6
