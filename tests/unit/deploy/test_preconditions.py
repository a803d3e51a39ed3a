"""Each thing that may be in the way is told in one line that names the fix."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from octostar_runtime.deploy import preconditions
from octostar_runtime.deploy.layout import Layout
from octostar_runtime.errors import CannotStart, SettingsError
from octostar_runtime.settings import PoolSettings, Settings
from tests.support.ports import free_port


def layout(state_dir: Path, **settings: object) -> Layout:
    ports = {"bind": f"127.0.0.1:{free_port()}", "ui_port": free_port(), "api_port": free_port()}
    return Layout(settings=Settings.model_validate({**ports, "state_dir": state_dir, **settings}), app=Path("app.py"))


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


def refusal(check: str, of: Layout) -> str:
    with pytest.raises(CannotStart) as caught:
        getattr(preconditions, check)(of)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_free_ports_are_fine(tmp_path: Path) -> None:
    preconditions.check_ports(layout(tmp_path))


def test_a_port_in_time_wait_is_free(tmp_path: Path, taken: int) -> None:
    # the accepting side closes first, which leaves the port in TIME_WAIT as a server that just stopped does
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
        client = socket.create_connection(("127.0.0.1", port))
        listener.accept()[0].close()
    client.recv(1)
    client.close()
    preconditions.check_ports(layout(tmp_path, ui_port=port))


@pytest.mark.parametrize("setting", ["ui_port", "api_port", "bind"])
def test_a_taken_port_names_the_setting_and_who_has_it(tmp_path: Path, taken: int, setting: str) -> None:
    value: object = f"127.0.0.1:{taken}" if setting == "bind" else taken
    line = refusal("check_ports", layout(tmp_path, **{setting: value}))
    assert f"127.0.0.1:{taken} is taken" in line
    assert f"(pid {os.getpid()})" in line
    assert f"set OCTOSTAR_{setting.upper()} to a free port" in line


def test_a_port_given_twice_names_both_settings(tmp_path: Path) -> None:
    line = refusal("check_ports", layout(tmp_path, ui_port=7001, api_port=7001))
    assert "OCTOSTAR_API_PORT and OCTOSTAR_UI_PORT are both port 7001" in line


def test_an_address_of_another_machine_is_told(tmp_path: Path) -> None:
    line = refusal("check_ports", layout(tmp_path, bind="192.0.2.1:8080"))
    assert "192.0.2.1 is no address of this machine" in line


def test_a_name_that_is_no_address_is_told(tmp_path: Path) -> None:
    line = refusal("check_ports", layout(tmp_path, bind="no-such-host.invalid:8080"))
    assert "OCTOSTAR_BIND: 'no-such-host.invalid' is no address of this machine" in line


def test_the_state_directory_is_made_and_only_ours(tmp_path: Path) -> None:
    made = layout(tmp_path / "a" / "state")
    preconditions.prepare_state_dir(made)
    assert made.logs.stat().st_mode & 0o777 == 0o700
    assert made.state_dir.stat().st_mode & 0o066 == 0


def test_a_state_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    line = refusal("prepare_state_dir", layout(tmp_path / "file" / "state"))
    assert "cannot write the state directory" in line
    assert "OCTOSTAR_STATE_DIR" in line


def test_a_path_too_long_for_a_socket_is_told(tmp_path: Path) -> None:
    line = refusal("prepare_state_dir", layout(tmp_path / ("x" * 100)))
    assert "too long for a socket" in line
    assert "OCTOSTAR_STATE_DIR" in line


@pytest.mark.parametrize("name", ["50% full", "a;b", 'a"b'])
def test_a_path_that_supervisord_cannot_take_is_told(tmp_path: Path, name: str) -> None:
    assert "OCTOSTAR_STATE_DIR: supervisord cannot take" in refusal("prepare_state_dir", layout(tmp_path / name))


def test_a_missing_app_is_told(tmp_path: Path) -> None:
    absent = Layout(settings=Settings(), app=tmp_path / "absent.py")
    assert f"there is no Streamlit app at {tmp_path}/absent.py" in refusal("check_app", absent)


def test_a_missing_extra_of_an_engine_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pools = {"cpu": PoolSettings(engine="process")}
    preconditions.check_engines(layout(tmp_path, pools=pools))
    monkeypatch.setattr("octostar_runtime.tasks.engines.choice.find_spec", lambda _name: None)
    with pytest.raises(SettingsError, match=r"'cpu'.* needs pip install 'octostar-runtime\[processes\]'"):
        preconditions.check_engines(layout(tmp_path, pools=pools))


def test_a_missing_nginx_is_told_with_both_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_args, **_options: None)
    with pytest.raises(CannotStart, match=r"sudo apt-get install nginx.*--no-nginx"):
        preconditions.find_nginx()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands nginx to another account")
def test_a_root_nginx_gets_an_account_without_rights_unless_its_folder_is_out_of_reach(tmp_path: Path) -> None:
    open_way = Path("/tmp") / f"octostar-test-{os.getpid()}"
    open_way.mkdir(mode=0o711)
    try:
        assert preconditions.worker_account(open_way / "client_body") in ("www-data", "nginx", "nobody")
        open_way.chmod(0o700)
        assert preconditions.worker_account(open_way / "client_body") == "root"
    finally:
        open_way.rmdir()
