"""Each service has a log of its own: bounded, rotated, and the newest lines can be read."""

import logging
from pathlib import Path

import pytest

from octostar_runtime.idle.backends.hooks import HookBackend
from octostar_runtime.idle.service_log import MEMORY_LINES, OLDER_FILES, ServiceLog

library = logging.getLogger("some.library")


def nothing() -> None:
    """A stop that has nothing to do."""


def hook(log: ServiceLog, start: object = nothing) -> HookBackend:
    return HookBackend("model", node_id="n", start=start, stop=nothing, log=log)  # type: ignore[arg-type]


def test_a_start_is_logged_with_what_was_logged_meanwhile(tmp_path: Path) -> None:
    def start() -> None:
        library.warning("loading %s", "weights")

    backend = hook(ServiceLog("model", tmp_path), start)
    backend.start(timeout_s=1)
    library.warning("somebody else")
    said = backend.log_tail(500)
    assert "start is called" in said
    assert "WARNING loading weights" in said
    assert "start returned after 0.0" in said
    assert "somebody else" not in said


def test_a_failure_is_logged_with_its_traceback(tmp_path: Path) -> None:
    def start() -> None:
        raise RuntimeError("no memory left")

    backend = hook(ServiceLog("model", tmp_path), start)
    with pytest.raises(RuntimeError):
        backend.start(timeout_s=1)
    said = backend.log_tail(500)
    assert "start failed after" in said
    assert "Traceback" in said
    assert "RuntimeError: no memory left" in said


def test_what_the_app_logs_under_its_name_is_kept_at_any_time(tmp_path: Path) -> None:
    backend = hook(ServiceLog("model", tmp_path))
    logging.getLogger("octostar.service.model").info("answered in 3 ms")
    assert "answered in 3 ms" in backend.log_tail(1)


def test_what_is_logged_under_its_name_during_a_start_is_kept_once(tmp_path: Path) -> None:
    backend = hook(
        ServiceLog("model", tmp_path), lambda: logging.getLogger("octostar.service.model").info("warming up")
    )
    backend.start(timeout_s=1)
    assert backend.log_tail(500).count("warming up") == 1


def test_files_are_bounded_and_the_tail_reaches_over_a_rotation(tmp_path: Path) -> None:
    log = ServiceLog("model", tmp_path, file_bytes=20_000)
    for number in range(5_000):
        log.line(f"line {number}")
    files = sorted(tmp_path.iterdir())
    assert len(files) == 1 + OLDER_FILES
    assert sum(file.stat().st_size for file in files) <= 20_000 * (1 + OLDER_FILES)
    assert [line.split()[-1] for line in log.tail(500).splitlines()] == [str(n) for n in range(4500, 5000)]


def test_only_we_can_read_it(tmp_path: Path) -> None:
    log = ServiceLog("pool:default", tmp_path / "logs")
    log.line("hello")
    (file,) = (tmp_path / "logs").iterdir()
    assert file.name == "pool-default.log"
    assert file.stat().st_mode & 0o077 == 0


def test_earlier_lives_are_still_there_after_a_restart(tmp_path: Path) -> None:
    first = ServiceLog("model", tmp_path)
    first.line("yesterday")
    assert "yesterday" in ServiceLog("model", tmp_path).tail(500)


def test_a_directory_that_cannot_be_written_costs_the_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("not a directory")
    log = ServiceLog("model", tmp_path / "logs")
    for number in range(MEMORY_LINES * 2):
        log.line(f"line {number}")
    assert len(log.tail(5_000).splitlines()) == MEMORY_LINES
