"""Uploaded files stay for as long as a run may read them, and no longer than is good for the disk."""

import os
import time
from pathlib import Path

import pytest
from starlette.exceptions import HTTPException

from octostar_runtime.api import uploads as module
from octostar_runtime.api.uploads import Uploads


def _filled(uploads: Uploads, run_id: str, *, size: int = 10, age_s: float = 0.0) -> Path:
    folder = uploads.folder()
    (folder / "1").write_bytes(b"x" * size)
    uploads.belongs_to(folder, run_id)
    at = time.time() - age_s
    os.utime(folder, (at, at))
    return folder


def test_the_files_of_a_run_that_still_waits_are_kept_however_old_they_are(tmp_path: Path) -> None:
    live = {"waiting"}
    uploads = Uploads(tmp_path, is_live=live.__contains__)
    waiting, ended = _filled(uploads, "waiting", age_s=9_000), _filled(uploads, "ended", age_s=9_000)
    uploads.sweep()
    assert (waiting.exists(), ended.exists()) == (True, False)
    live.clear()
    uploads.sweep()
    assert not waiting.exists()


def test_what_is_kept_for_a_retry_is_bounded_and_the_newest_stays(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path, is_live=lambda _: False, kept_bytes=250)
    folders = [_filled(uploads, f"run-{age}", size=100, age_s=age) for age in (10, 20, 30)]
    uploads.sweep()
    assert [folder.exists() for folder in folders] == [True, True, False]


def test_an_upload_that_is_still_arriving_is_left_alone(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path, is_live=lambda _: False)
    folder = uploads.folder()
    os.utime(folder, (1, 1))
    uploads.sweep()
    assert folder.exists()
    uploads.drop(folder)
    assert not folder.exists()


def test_a_disk_that_is_nearly_full_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESERVE_BYTES", 1 << 62)
    with pytest.raises(HTTPException) as refused:
        Uploads(tmp_path, is_live=lambda _: False).folder()
    assert refused.value.status_code == 507
