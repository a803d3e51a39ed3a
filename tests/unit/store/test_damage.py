"""A damaged SQLite file is put aside, said so, and a new one begun; a sound one is left alone."""

import sqlite3
from pathlib import Path

import pytest

from octostar_runtime.errors import StoreUnavailable
from octostar_runtime.models.runs import RunState
from octostar_runtime.settings import Settings
from octostar_runtime.store import Batch, Store, maintenance, open_store
from octostar_runtime.store.quarantine import damage_of, suspect_marker
from octostar_runtime.testing import ManualClock
from tests.contracts.store.conftest import a_node
from tests.support.fleet_samples import a_run


def opened(path: Path) -> Store:
    return open_store(f"sqlite:///{path}", clock=ManualClock(), node=a_node("here"), settings=Settings())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A store with some runs, closed in order."""
    path = tmp_path / "store.sqlite3"
    store = opened(path)
    store.write(Batch(runs=[a_run(n, RunState.SUCCESS) for n in range(1, 300)]))
    store.close()
    return path


def test_a_sound_file_is_left_alone(file: Path) -> None:
    assert damage_of(file) is None
    store = opened(file)
    assert store.runs.count("") == 299
    assert store.health().notice is None
    store.close()


@pytest.mark.parametrize("where", ["head", "middle", "cut", "text"])
def test_a_damaged_file_is_put_aside_and_a_new_one_begun(file: Path, where: str) -> None:
    size = file.stat().st_size
    with file.open("r+b") as handle:
        if where == "head":
            handle.write(b"\xff" * 200)
        elif where == "middle":
            handle.seek(size // 2 // 4096 * 4096)
            handle.write(b"\xa5" * 4096 * 3)
        elif where == "cut":
            handle.truncate(size // 3)
        else:
            handle.truncate(0)
            handle.write(b"this is a letter, not a store\n" * 100)
    store = opened(file)
    assert store.runs.count("") == 0
    notice = store.health().notice
    assert notice is not None
    assert "put aside as store.sqlite3.damaged-" in notice
    assert len([path for path in file.parent.iterdir() if ".damaged-" in path.name and path.suffix != ".lock"]) >= 1
    store.write(Batch(runs=[a_run(1, RunState.SUCCESS)]))
    store.close()
    again = opened(file)
    assert (again.runs.count(""), again.health().notice) == (1, None)
    again.close()


def test_damage_that_is_met_while_running_is_looked_into_at_the_next_start(file: Path) -> None:
    store = opened(file)
    with file.open("r+b") as handle:
        handle.seek(4096)
        handle.write(b"\xa5" * (file.stat().st_size - 8192))
    with pytest.raises(StoreUnavailable):
        store.runs.find("rows", limit=1000)
    store.close()
    assert suspect_marker(file).exists()


def test_a_file_that_is_removed_in_use_is_told_and_used_again_once_it_is_back(file: Path) -> None:
    store = opened(file)
    file.rename(file.with_name("elsewhere"))
    for ask in (lambda: store.write(Batch(runs=[a_run(500, RunState.SUCCESS)])), lambda: store.runs.count("")):
        with pytest.raises(StoreUnavailable, match="was removed while in use; put it back, or restart"):
            ask()
    assert not file.exists()  # nobody began another one in its place
    assert not store.health().ok
    file.with_name("elsewhere").rename(file)
    store.write(Batch(runs=[a_run(501, RunState.SUCCESS)]))
    assert (store.runs.count(""), store.health().ok) == (300, True)
    file.rename(file.with_name("elsewhere"))
    file.touch()
    with pytest.raises(StoreUnavailable, match="was replaced while in use"):
        store.runs.count("")
    store.close()


def test_check_tells_damage_and_marks_the_file(file: Path, tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path)
    assert "no damage found" in maintenance.check(settings)
    with file.open("r+b") as handle:
        handle.seek(file.stat().st_size // 2)
        handle.write(b"\xa5" * 8192)
    with pytest.raises(StoreUnavailable, match="damaged"):
        maintenance.check(settings)
    assert suspect_marker(file).exists()


def test_a_backup_of_a_store_in_use_is_a_store(file: Path, tmp_path: Path) -> None:
    store = opened(file)
    store.write(Batch(runs=[a_run(500, RunState.SUCCESS)]))
    copy = tmp_path / "copy.sqlite3"
    assert "300" not in maintenance.backup(Settings(state_dir=tmp_path), str(copy))
    store.close()
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT count(*) FROM run").fetchone() == (300,)
    moved = opened(copy)
    assert moved.runs.count("") == 300
    moved.close()


def test_a_backup_that_cannot_be_written_says_what_to_do_and_leaves_nothing(file: Path, tmp_path: Path) -> None:
    settings = Settings(state_dir=file.parent)
    nowhere = tmp_path / "missing" / "backup.sqlite3"
    with pytest.raises(StoreUnavailable, match=r"cannot be copied to .*missing.*can be written and has room"):
        maintenance.backup(settings, str(nowhere))
    file.write_bytes(b"junk, not a database" * 500)
    with pytest.raises(StoreUnavailable, match="not a database"):
        maintenance.backup(settings, str(tmp_path / "backup.sqlite3"))
    assert not list(tmp_path.rglob("backup*"))


def test_prune_and_migrate_by_command(file: Path, tmp_path: Path) -> None:
    store = opened(file)
    store.write(Batch(runs=[a_run(n, RunState.SUCCESS) for n in range(1000, 1801)]))
    store.close()
    settings = Settings(state_dir=tmp_path, history_rows=1000)
    assert maintenance.prune(settings).startswith("100 rows forgotten")
    assert "nothing to do" in maintenance.migrate(settings)
    store = opened(file)
    assert store.runs.count("") == 1000
    assert sum(store.runs.counts().values()) == 1000
    store.close()


def test_forgetting_makes_no_store_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="no store at"):
        maintenance.prune(Settings(state_dir=tmp_path))
    assert not list(tmp_path.iterdir())
    (tmp_path / "store.sqlite3").touch()
    with pytest.raises(StoreUnavailable, match=r"none yet.*store migrate"):
        maintenance.prune(Settings(state_dir=tmp_path))
