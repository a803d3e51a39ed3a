"""Where a deployment lies and listens."""

from pathlib import Path

import pytest

from octostar_runtime.deploy.layout import Layout
from octostar_runtime.settings import Settings


def layout(*, with_nginx: bool = True, **settings: object) -> Layout:
    return Layout(settings=Settings.model_validate(settings), app=Path("app.py"), with_nginx=with_nginx)


@pytest.mark.parametrize(
    ("bind", "shown"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("0.0.0.0:9000", "http://127.0.0.1:9000"),
        ("[::]:9000", "http://[::1]:9000"),
        ("*:9000", "http://127.0.0.1:9000"),
        ("192.168.1.7:80", "http://192.168.1.7:80"),
    ],
)
def test_the_address_shown_is_one_that_a_browser_can_open(bind: str, shown: str) -> None:
    assert layout(bind=bind).public_url == shown


def test_the_prefix_belongs_to_the_address() -> None:
    assert layout(base_path="apps/demo/").public_url == "http://127.0.0.1:8080/apps/demo"


def test_without_nginx_people_open_the_ui_itself_and_it_serves_the_api() -> None:
    alone = layout(with_nginx=False, ui_port=7001)
    assert alone.public_url == "http://127.0.0.1:7001"
    assert alone.mode == "embedded"
    assert [name for name, _, _ in alone.listeners()] == ["OCTOSTAR_UI_PORT"]


def test_all_paths_are_absolute_whatever_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    relative = layout(state_dir="state")
    assert relative.supervisor_socket == tmp_path / "state" / "supervisor.sock"
    assert relative.nginx_conf.is_absolute()
