"""The system page shows settings without secrets and names processes without their arguments."""

import os
import platform
from pathlib import Path

from pydantic import SecretStr

from octostar_runtime.access.visible import View
from octostar_runtime.models.access import Principal, Role
from octostar_runtime.settings import Settings
from octostar_runtime.ui import machine
from octostar_runtime.ui.queries import system
from octostar_runtime.ui.queries.people import Eyes

ADMIN = Eyes(View(Settings()), Principal(name="ada", role=Role.ADMIN, via="link"))


def test_who_has_which_role_is_not_shown_to_a_viewer_of_masked_data() -> None:
    settings = Settings(show_personal="masked", roles={"ada@example.org": "admin"})
    masked = Eyes(View(settings), Principal(name="vera", role=Role.VIEWER, via="link"))

    assert "ada@example.org" not in str(system.settings_table(settings, masked))
    assert "ada@example.org" in str(system.settings_table(settings, ADMIN))


def test_no_secret_is_among_the_settings() -> None:
    settings = Settings(
        database_url="postgresql://app:hunter2@db.example:5432/octostar?sslpassword=hunter3",
        password_hash=SecretStr("$argon2id$hunter4"),
    )

    drawn = str(system.settings_table(settings, ADMIN))

    assert "hunter" not in drawn
    assert "db.example:5432/octostar" in drawn
    assert "set, not shown" in drawn


def test_every_setting_is_listed_with_its_meaning() -> None:
    rows = system.settings_table(Settings(), ADMIN).rows

    assert len(rows) == len(Settings.model_fields)
    assert all(row[3] for row in rows)


def test_this_process_is_read_with_its_memory_told_apart() -> None:
    reading = machine.read([], Path("/tmp"))

    me = next(process for process in reading.processes if process.pid == os.getpid())
    assert 0 < me.own <= me.fair <= me.own + me.shared
    assert me.threads >= 1
    assert ("Python", platform.python_version()) in reading.versions


def test_a_process_that_is_gone_is_left_out() -> None:
    reading = machine.read([2**22 - 3], Path("/nowhere"))

    assert 2**22 - 3 not in [process.pid for process in reading.processes]
