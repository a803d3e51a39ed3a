"""Groups and time buckets of runs over the API, its client and the command line: the same numbers as the console's."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from octostar_runtime.cli import main
from octostar_runtime.client import ApiRefused
from octostar_runtime.models.access import Role
from octostar_runtime.testing import wait_until
from tests.support.api_server import ApiServer, running_api

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API whose archive has ten good runs, three that failed alike and one that waits."""
    with running_api(tmp_path_factory.mktemp("groups"), show_personal="masked") as server:
        tasks = server.runtime.tasks
        for number in range(10):
            tasks.submit(f"good-{number}", lambda task: None, name="report", user="ada")
        for number in range(3):
            tasks.submit(f"bad-{number}", _fail, {"number": number}, name="load", user="ada")
        wait_until(lambda: all(run.terminal for run in tasks.runs(100)), what="all to end")
        tasks.pause("default")
        tasks.submit("waits", lambda task: None, name="report")
        server.runtime.publisher.flush_now()
        yield server


def _fail(task: object, number: int) -> None:
    raise ValueError(f"row {number} is broken")


def test_runs_are_grouped_with_counts_failures_and_percentiles(busy: ApiServer) -> None:
    with busy.client() as client:
        found = client.run_groups()
        assert (found.of, found.exact) == (14, True)
        load, report = found.groups
        assert (load.key, load.count, load.failed, load.failure_rate) == ("load", 3, 3, 1.0)
        assert (report.key, report.count, report.live, report.failure_rate) == ("report", 11, 1, 0.0)
        assert report.run_p50_s is not None
        assert report.run_p95_s is not None
        assert report.run_p50_s <= report.run_p95_s
        (error,) = client.run_groups(by="error").groups
        assert (error.key, error.count) == ("ValueError: row # is broken", 3)
        assert [group.key for group in client.run_groups("name:report", by="state").groups] == ["success", "queued"]
        assert len(client.run_groups(limit=1).groups) == 1


def test_runs_are_counted_over_time_in_whole_steps(busy: ApiServer) -> None:
    with busy.client() as client:
        found = client.run_buckets("-name:nothing", back_s=3600, step_s=600)
        assert sum(group.count for group in found.groups) == 14
        assert all(group.at is not None for group in found.groups)
        assert client.run_buckets("state:failed", back_s=3600).of == 3
        assert client.run_buckets(until=busy.runtime.clock.time() - 3600).groups == ()
    fine = httpx.get(
        f"{busy.url}/api/runs/buckets?back=3600&step=0.001", headers={"Authorization": f"Bearer {busy.token()}"}
    ).json()
    assert fine["step_s"] == pytest.approx(3600 / 199), "as fine as is bounded, and the answer says so"
    assert len(fine["buckets"]) <= 200


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("groups?by=shoe", "query.by"),
        ("groups?limit=0", "query.limit"),
        ("groups?q=state:bogus", "query.q"),
        ("buckets?step=0", "query.step"),
        ("buckets?step=nan", "query.step"),
        ("buckets?back=-1", "query.back"),
        ("buckets?until=inf", "query.until"),
        ("buckets?q=%22open", "query.q"),
    ],
)
def test_what_cannot_be_grouped_is_told_by_field(busy: ApiServer, path: str, field: str) -> None:
    answer = httpx.get(f"{busy.url}/api/runs/{path}", headers={"Authorization": f"Bearer {busy.token()}"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]


def test_a_viewer_sees_people_in_groups_as_everywhere_else(busy: ApiServer) -> None:
    with busy.client(Role.VIEWER) as viewer:
        keys = {group.key for group in viewer.run_groups(by="user").groups}
        assert "" in keys, "the run of nobody"
        assert "ada" not in keys
        assert any(key.startswith("user-") for key in keys)
        with pytest.raises(ApiRefused, match="search by user"):
            viewer.run_groups("user:ada")
    with busy.client() as admin:
        assert "ada" in {group.key for group in admin.run_groups(by="user").groups}


def test_a_viewer_groups_by_no_user_where_people_are_hidden(tmp_path: Path) -> None:
    with running_api(tmp_path, show_personal="hidden") as server, server.client(Role.VIEWER) as viewer:
        with pytest.raises(ApiRefused) as refused:
            viewer.run_groups(by="user")
        assert refused.value.status == 403
        assert viewer.run_groups().groups == ()
        assert viewer.run_buckets().groups == ()


def test_the_command_line_prints_groups(
    busy: ApiServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCTOSTAR_API_URL", busy.url)
    monkeypatch.setenv("OCTOSTAR_API_TOKEN", busy.token())
    assert main(["tasks", "groups", "state:failed", "--by", "error"]) == 0
    text = capsys.readouterr().out
    assert "ValueError: row # is broken" in text
    assert "100.0%" in text
    assert main(["tasks", "over-time", "--back", "6h", "--step", "1h", "--json"]) == 0
    assert sum(group["count"] for group in json.loads(capsys.readouterr().out)["groups"]) == 14
    with pytest.raises(SystemExit):
        main(["tasks", "over-time", "--back", "soon"])
    assert "write one like" in capsys.readouterr().err
