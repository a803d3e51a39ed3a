"""A token for a program: made in the browser, shown once, used, and revoked in the browser."""

import httpx
import pytest
from playwright.sync_api import Page, expect

from octostar_runtime.testing import wait_until
from tests.real.console.conftest import PATIENCE_MS, confirm
from tests.support.running_app import RunningApp

pytestmark = pytest.mark.real


def test_a_token_is_made_shown_once_used_and_revoked(console: RunningApp, operator: Page) -> None:
    page = f"{console.url}/system?tab=tokens"
    operator.goto(page)
    operator.get_by_label("What it is for").fill("nightly report")
    operator.get_by_label("What it is for").press("Tab")
    operator.get_by_role("button", name="Make a token").click(timeout=PATIENCE_MS)
    shown = operator.get_by_test_id("stCode")
    expect(shown).to_contain_text("octt_", timeout=PATIENCE_MS)
    secret = shown.inner_text().strip()

    def me() -> httpx.Response:
        return httpx.get(f"{console.url}/api/me", headers={"Authorization": f"Bearer {secret}"}, timeout=20)

    assert me().json()["role"] == "viewer"
    listed = wait_until(
        lambda: [t for t in console.api("GET", "/api/tokens").json() if t["label"] == "nightly report"], what="it"
    )
    wait_until(lambda: console.api("GET", "/api/tokens").json()[0]["last_used_at"], timeout_s=15, what="its use")
    operator.goto(page)
    row = operator.locator(f"tr[data-id='{listed[0]['token_id']}']")
    expect(row).to_contain_text("nightly report", timeout=PATIENCE_MS)
    expect(row).to_contain_text("viewer")
    expect(operator.get_by_test_id("stCode")).to_have_count(0)

    row.get_by_role("button", name="Revoke").click(timeout=PATIENCE_MS)
    confirm(operator, "no longer needed")
    expect(row).to_have_count(0, timeout=PATIENCE_MS)
    wait_until(lambda: me().status_code == 401, timeout_s=15, what="the revocation to be noticed")
