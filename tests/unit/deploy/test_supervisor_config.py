"""supervisord.conf, read back by supervisord itself."""

import os
from pathlib import Path
from typing import Any

import pytest
from supervisor.options import ServerOptions

from octostar_runtime.deploy import preconditions
from octostar_runtime.deploy.layout import UI_UPLOAD_MB, Layout
from octostar_runtime.deploy.supervisor_config import render_supervisor
from octostar_runtime.settings import Settings


def read_back(layout: Layout, *, nginx: str | None = "/usr/sbin/nginx") -> ServerOptions:
    preconditions.prepare_state_dir(layout)
    layout.supervisor_conf.write_text(render_supervisor(layout, nginx=nginx, open_files=1024))
    options = ServerOptions()
    options.realize(["-c", str(layout.supervisor_conf)])
    return options


def programs(options: ServerOptions) -> dict[str, Any]:
    return {p.name: p for group in options.process_group_configs for p in group.process_configs}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    # a blank, because supervisord splits commands there
    return Layout(settings=Settings.model_validate({"state_dir": tmp_path / "the state"}), app=tmp_path / "my app.py")


def test_there_are_three_programs_that_stop_from_the_outside_in(layout: Layout) -> None:
    groups = sorted(read_back(layout).process_group_configs)
    assert [group.name for group in reversed(groups)] == ["nginx", "ui", "api"]


def test_without_nginx_the_ui_is_alone(layout: Layout) -> None:
    assert list(programs(read_back(layout, nginx=None))) == ["ui"]


def test_every_program_is_ended_with_its_children_and_its_log_is_bounded(layout: Layout) -> None:
    for program in programs(read_back(layout)).values():
        assert program.stopasgroup
        assert program.killasgroup
        assert 0 < program.stdout_logfile_maxbytes <= 10 * 2**20
        assert 0 < program.stdout_logfile_backups <= 5
        assert Path(program.stdout_logfile).parent == layout.logs
        assert program.redirect_stderr


def test_supervisord_listens_on_a_private_socket_and_nowhere_else(layout: Layout) -> None:
    (server,) = read_back(layout).server_configs
    assert server["section"] == "unix_http_server"
    assert server["file"] == str(layout.supervisor_socket)
    assert server["chmod"] == 0o600


def test_files_made_by_the_programs_are_private(layout: Layout) -> None:
    assert read_back(layout).umask == 0o077


def test_streamlit_listens_on_the_inner_address_only(layout: Layout) -> None:
    command = programs(read_back(layout))["ui"].command
    assert "--server.address=127.0.0.1" in command
    assert "--server.port=8501" in command
    assert f"--server.maxUploadSize={UI_UPLOAD_MB}" in command
    assert f"'{layout.app}'" in command


def test_an_ended_session_is_kept_by_streamlit_as_long_as_we_keep_it(tmp_path: Path) -> None:
    settings = Settings.model_validate({"state_dir": tmp_path, "session_end_after_s": 2.5, "base_path": "/apps/x"})
    command = programs(read_back(Layout(settings=settings, app=Path("app.py"))))["ui"].command
    assert "--server.disconnectedSessionTTL=3" in command
    assert "--server.baseUrlPath=/apps/x" in command


def test_an_operator_can_add_a_program(layout: Layout) -> None:
    preconditions.prepare_state_dir(layout)
    (layout.programs / "model.conf").write_text("[program:model]\ncommand = sleep 60\n")
    assert programs(read_back(layout))["model"].command == "sleep 60"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is asked about its account")
def test_root_is_told_nothing_about_being_root(layout: Layout) -> None:
    assert read_back(layout).uid == 0
