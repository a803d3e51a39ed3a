"""Programs that an operator adds to the supervisor are services like any other, also for a new controller."""

import psutil
import pytest

from octostar_runtime.testing import wait_until
from tests.real.idle.conftest import Console

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]


def test_its_log_its_stop_and_its_start(console: Console) -> None:
    log = console.api("GET", "/api/services/model/log").json()["log"]
    assert "model server is up" in log
    assert "loaded 7 layers" in log
    assert console.api("POST", "/api/services/model/stop", json={"reason": "a test"}).status_code == 204
    wait_until(lambda: console.state("model") == "stopped", timeout_s=20, what="the stop")
    assert console.pid_of("model") == 0
    assert console.api("POST", "/api/services/model/start", json={}).status_code == 204
    wait_until(lambda: console.state("model") in ("ready", "idle"), timeout_s=20, what="the start")
    assert console.service("model")["pid"] == console.pid_of("model") > 0


def test_mode_16_a_killed_controller_is_followed_by_one_that_adopts_what_runs(console: Console) -> None:
    own = console.api("GET", "/api/policy").json()["policy"]["services"]["model"]
    console.change_policy(services={"model": {**own, "idle_after": 600}})
    before = {name: (console.pid_of(name), console.spawns(name)) for name in ("ui", "model")}
    old = console.pid_of("api")
    psutil.Process(old).kill()
    wait_until(lambda: console.pid_of("api") not in (0, old), timeout_s=20, what="another API process")
    wait_until(lambda: _counts_down(console), timeout_s=60, what="the new controller's countdown")
    assert {name: (console.pid_of(name), console.spawns(name)) for name in ("ui", "model")} == before
    adopted = console.told("service.adopted", "model")[0]
    # a full idle time from the adoption on, whatever had passed before
    assert console.service("model")["stops_at"] >= adopted["at"] + 600 - 1
    assert (
        console.told("service.stopped", "model") == []
        or console.told("service.stopped", "model")[0]["at"] < adopted["at"]
    )


def _counts_down(console: Console) -> bool:
    try:
        return bool(console.service("model").get("stops_at"))
    except Exception:  # noqa: BLE001 - it is just being started again
        return False


def test_left_alone_it_stops_by_itself_and_a_visitor_brings_it_back(console: Console) -> None:
    own = console.api("GET", "/api/policy").json()["policy"]["services"]["model"]
    console.change_policy(
        warn_before=0,
        api_blocks=False,
        connected_blocks=False,
        preload_on_session=False,
        services={"model": {**own, "idle_after": 1}},
    )
    wait_until(lambda: console.state("model") == "stopped", timeout_s=30, what="the stop")
    assert console.told("service.stopped", "model")[0]["data"]["duration_s"] > 0
    console.api("POST", "/api/services/model/start", json={"reason": "a guest"})
    wait_until(lambda: console.spawns("model") >= 2, timeout_s=20, what="the start")
    assert console.told("service.woken", "model")[0]["reason"] == "a guest"
