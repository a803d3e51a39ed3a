"""Programs that an operator adds to the supervisor are services like any other, also for a new controller."""

import psutil
import pytest

from octostar_runtime.sessions import public_id
from octostar_runtime.testing import wait_until
from tests.real.idle.conftest import Console
from tests.support.streamlit_client import StreamlitClient

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]


def test_its_log_its_stop_and_its_start(console: Console) -> None:
    log = console.api("GET", "/api/services/model/log").json()["log"]
    assert "model server is up" in log
    assert "loaded 7 layers" in log
    console.order_stop("model")
    wait_until(lambda: console.state("model") == "stopped", timeout_s=20, what="the stop")
    assert console.pid_of("model") == 0
    assert console.api("POST", "/api/services/model/start", json={}).status_code == 204
    wait_until(lambda: console.is_up("model"), timeout_s=20, what="the start")
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


def test_a_sessions_start_preloads_what_was_stopped_and_a_look_at_the_console_does_not(console: Console) -> None:
    console.order_stop("model")
    wait_until(lambda: console.state("model") == "stopped", timeout_s=20, what="the stop")
    before = console.spawns("model")
    with StreamlitClient(console.url, page="idle", timeout_s=30) as operator:
        shown = public_id(operator.session_id)
        wait_until(lambda: _is_known(console, shown, observer=True), timeout_s=15, what="the operator")
        with StreamlitClient(console.url, page="patterns_initialization", timeout_s=30):
            wait_until(lambda: console.is_up("model"), timeout_s=30, what="the model server")
    assert console.spawns("model") == before + 1
    assert console.pid_of("model") > 0
    woken = console.told("service.woken", "model")[0]
    assert (woken["actor"], woken["reason"]) == (None, "somebody came")


def _is_known(console: Console, session_id: str, *, observer: bool) -> bool:
    answer = console.api("GET", f"/api/sessions/{session_id}")
    return answer.status_code == 200 and answer.json()["session"]["observer"] is observer


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
