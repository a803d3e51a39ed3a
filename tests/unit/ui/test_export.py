"""Exports hold what the search finds, and no formula reaches a spreadsheet."""

import csv
import io

from octostar_runtime.access.visible import View
from octostar_runtime.models.access import Principal, Role
from octostar_runtime.models.runs import RunState
from octostar_runtime.settings import Settings
from octostar_runtime.ui.queries.people import Eyes
from octostar_runtime.ui.screens import export
from tests.support.fleet_samples import a_run, sample_runs

OPERATOR = Principal(name="olga", role=Role.OPERATOR, via="link")


def test_every_run_is_a_line() -> None:
    runs = sample_runs()

    read = list(csv.DictReader(io.StringIO(export.as_csv(export.rows(runs, Eyes(View(Settings()), OPERATOR))))))

    assert [row["run_id"] for row in read] == [run.run_id for run in runs]


def test_a_text_that_a_spreadsheet_would_calculate_is_made_harmless() -> None:
    run = a_run(1, RunState.ERROR, error="=HYPERLINK(evil)")

    (row,) = csv.DictReader(io.StringIO(export.as_csv(export.rows([run], Eyes(View(Settings()), OPERATOR)))))

    assert row["error"] == "'=HYPERLINK(evil)"


def test_arguments_are_hidden_from_viewers_when_so_set() -> None:
    viewer = Principal(name="vera", role=Role.VIEWER, via="link")

    (row,) = export.rows([a_run(1)], Eyes(View(Settings(show_arguments=False)), viewer))

    assert "sales.csv" not in str(row["arguments"])
