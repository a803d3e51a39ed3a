"""Old stores become this release's and lose nothing; newer ones are refused; many starters migrate once."""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, insert, text

from octostar_runtime.errors import StoreTooNew
from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.settings import Settings
from octostar_runtime.store import Store, open_store, schema
from octostar_runtime.store.database import Database
from octostar_runtime.store.migrating import HEAD, REVISIONS, migrate, upgrade
from octostar_runtime.store.runcodec import run_row
from octostar_runtime.store.schema import metadata
from octostar_runtime.testing import ManualClock
from tests.contracts.store.conftest import a_node
from tests.support.fleet_samples import a_run


def opened(url: str, clock: ManualClock) -> Store:
    return open_store(url, clock=clock, node=a_node("here"), settings=Settings())


def store_as_it_was(
    connection: Connection, runs: Sequence[RunRecord], portable: Mapping[str, str] | None = None
) -> None:
    """Store runs as every release before this one did: rows and tallies, the search index by triggers."""
    rows = [run_row(run, (portable or {}).get(run.run_id)) for run in runs]
    connection.execute(insert(schema.run), [row._asdict() | {"error_key": row.error_key or None} for row in rows])
    ended = Counter((row.node_id, row.state) for row in rows if row.ended_at is not None)
    connection.execute(insert(schema.tally), [{"node_id": key[0], "state": key[1], "n": n} for key, n in ended.items()])


def test_the_migrations_lead_to_the_schema_that_the_code_uses(url: str) -> None:
    database = Database(url)
    migrate(database)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        differences = [each for each in compare_metadata(context, metadata) if not _of_one_dialect(each)]
        in_order = set() if database.is_sqlite else set(connection.execute(text(IN_ORDER)).scalars())
    database.close()
    assert differences == []
    assert in_order == (set() if url.startswith("sqlite") else set(ORDERED))


ORDERED = ("run_ended", "run_took", "run_wait")  # what the schema says of them cannot be said to SQLite
IN_ORDER = "SELECT indexname FROM pg_indexes WHERE tablename = 'run' AND indexdef LIKE '% NULLS FIRST, id)'"


def _of_one_dialect(difference: object) -> bool:
    told = str(difference)
    if "run_search" in told or "trgm" in told:
        return True
    return "UnaryExpression" in told or any(f"Index('{name}'" in told for name in ORDERED)


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_a_store_of_an_earlier_schema_is_upgraded_with_all_its_rows(
    url: str, clock: ManualClock, revision: str
) -> None:
    runs = [a_run(n, state) for n, state in enumerate([*RunState, *RunState], start=1)]
    database = Database(url)
    with database.write() as connection:
        upgrade(connection, revision)
    with database.write() as connection:
        store_as_it_was(connection, runs, portable={runs[0].run_id: '{"n": 1}'})
    database.close()

    store = opened(url, clock)
    assert {run.run_id for run in store.runs.find("", limit=1000).runs} == {run.run_id for run in runs}
    assert all(store.runs.get(run.run_id) == run for run in runs if not run.terminal or run.ended_at is not None)
    assert store.runs.portable_arguments(runs[0].run_id) == {"n": 1}
    assert sum(store.runs.counts().values()) == len(runs)
    failed = next(run for run in runs if run.state is RunState.ERROR and run.error)
    assert failed.error is not None
    assert store.runs.count(f'"{failed.error.splitlines()[0]}"') > 0  # what was there is in the search index as well
    store.close()


def test_a_newer_schema_is_refused_with_what_to_do(url: str, clock: ManualClock) -> None:
    opened(url, clock).close()
    database = Database(url)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(StoreTooNew, match=f"9999.*{HEAD}.*upgrade octostar-runtime"):
        opened(url, clock)


def test_four_who_start_at_once_on_an_old_store_migrate_it_once(
    url: str, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(url)
    with database.write() as connection:
        upgrade(connection, REVISIONS[0])
    database.close()
    caplog.set_level("INFO", logger="octostar_runtime.store.migrating")
    ready, stores, errors = threading.Barrier(4), [], []

    def start() -> None:
        ready.wait()
        try:
            stores.append(opened(url, clock))
        except Exception as error:  # noqa: BLE001 -- shown below
            errors.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for store in stores:
        store.close()
    assert errors == []
    assert len(stores) == 4
    assert len([record for record in caplog.records if "->" in record.getMessage()]) == 1


def test_a_failed_migration_leaves_the_store_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    database = Database(url)
    with database.write() as connection:
        upgrade(connection, REVISIONS[0])
        store_as_it_was(connection, [a_run(1, RunState.SUCCESS)])

    def fail(*_: object) -> None:
        upgrade(*_)  # type: ignore[arg-type]
        raise RuntimeError("the power went")

    monkeypatch.setattr("octostar_runtime.store.migrating.upgrade", fail)
    with pytest.raises(RuntimeError, match="the power went"):
        migrate(database)
    with database.read() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == REVISIONS[0]
        assert connection.execute(text("SELECT count(*) FROM run")).scalar() == 1
    database.close()
