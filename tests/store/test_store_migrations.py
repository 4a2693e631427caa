"""The migrations make exactly the tables that the code works with, and unmake them."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path

import pytest
from alembic import op
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

import keyfuse_store
from keyfuse_store import Issued, KeyStore, StoreError, revisions
from keyfuse_store.database import Database, open_database
from keyfuse_store.errors import DatabaseOutdated, DatabaseTooNew
from keyfuse_store.leak_schema import leaks
from keyfuse_store.schema import metadata
from keyfuse_store.settings import Settings
from keyfuse_store.usage_file import SCHEMA
from keyfuse_store.usage_schema import usage_metadata
from support.backends import execute, postgresql_only
from support.postgres import postgres_server

OpenFresh = Callable[[], Database]

# What PostgreSQL has made: columns, constraints and indexes in its own words.
SERVER_TABLES = """
    SELECT concat_ws(' ', table_name, column_name, data_type, character_maximum_length,
                     is_nullable, column_default)
      FROM information_schema.columns
     WHERE table_schema = 'public' AND table_name NOT LIKE '%alembic%'
    UNION ALL
    SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid))
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace
       AND conrelid::regclass::text NOT LIKE '%alembic%'
    UNION ALL
    SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE '%alembic%'
"""
EXCLUSIVELY_HELD = """
    SELECT count(*) FROM pg_locks
     WHERE relation = 'kf_keys'::regclass AND mode = 'AccessExclusiveLock' AND granted
"""
FILE_TABLES = (
    "SELECT sql FROM {file}.sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE '%alembic%'"
)


@pytest.fixture
def open_fresh(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[OpenFresh]:
    """Open databases in which nothing is."""
    with ExitStack() as stack:

        def fresh() -> Database:
            if backend == "sqlite":
                url = f"sqlite:///{tmp_path}/fresh{next(numbers)}.db"
            else:
                url = stack.enter_context(postgres_server().database())
            return stack.enter_context(closing(open_database(url)))

        numbers = count()
        yield fresh


@pytest.fixture
def database(open_fresh: OpenFresh) -> Database:
    return open_fresh()


def tables(database: Database, file: str = "main") -> set[str]:
    """Everything that stands in the schema, whatever the order it was made in."""
    with database.read() as connection:
        if database.embedded:
            found = connection.execute(text(FILE_TABLES.format(file=file)))
            return {normal(row[0]) for row in found}
        return {row[0] for row in connection.execute(text(SERVER_TABLES))}


def normal(sql: str) -> str:
    """A CREATE statement, white space, quotes and the order of its parts aside."""
    head, _, body = re.sub(r'[\s"]+', " ", sql).partition("(")
    parts = re.split(r",\s*(?![^()]*\))", body.rsplit(")", 1)[0])
    return (
        f"{head.strip()} {sorted(part.strip() for part in parts)} {sql.rsplit(')', 1)[1].strip()}"
    )


def test_migrations_and_models_make_the_same_tables(open_fresh: OpenFresh) -> None:
    migrated, modelled = open_fresh(), open_fresh()
    assert leaks.metadata is metadata
    revisions.upgrade(migrated)
    with modelled.begin() as connection:
        metadata.create_all(connection)
        if not modelled.embedded:
            usage_metadata.create_all(connection)
    assert len(tables(migrated)) > 15
    assert tables(migrated) == tables(modelled)


def test_statistics_stand_beside_a_file_as_they_stood_in_it(tmp_path: Path) -> None:
    with closing(open_database(f"sqlite:///{tmp_path}/k.db")) as database:
        revisions.migrate(database, "0010")
        within = tables(database)
        revisions.upgrade(database)
        assert within - tables(database) == tables(database, SCHEMA) != set()


def test_the_code_knows_every_migration_in_order() -> None:
    config = Config()
    config.set_main_option(
        "script_location", str(Path(keyfuse_store.__file__).with_name("migrations"))
    )
    scripts = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(scripts)) == revisions.REVISIONS


def test_down_and_up_again(database: Database) -> None:
    assert revisions.upgrade(database) == (None, revisions.REVISIONS[-1])
    before = tables(database)
    revisions.migrate(database, "base")
    assert tables(database) == set()
    assert revisions.upgrade(database)[0] is None
    assert tables(database) == before


def test_one_step_at_a_time_both_ways(database: Database) -> None:
    seen = []
    for revision in revisions.REVISIONS:
        revisions.migrate(database, revision)
        seen.append(tables(database))
    for revision, then in zip(reversed(revisions.REVISIONS), reversed(seen), strict=True):
        revisions.migrate(database, revision)
        assert tables(database) == then, revision


def test_when_a_key_was_last_used_is_kept_both_ways(store: KeyStore, issued: Issued) -> None:
    assert store.verify(issued.token).ok
    store.flush()
    before = store.get(issued.key.id)
    assert before.last_used is not None
    revisions.migrate(store.database, "0003")
    with store.read() as connection:
        found = connection.scalar(text("SELECT last_used_at FROM kf_keys"))
    assert found == before.last_used_us
    execute(store, "DELETE FROM kf_usage_hours")
    revisions.upgrade(store.database)
    assert store.get(issued.key.id) == before


@postgresql_only
def test_a_migration_that_a_writer_deadlocks_with_is_run_again(store: KeyStore) -> None:
    held = threading.Event()

    def write() -> None:
        """Hold a table that is wanted last, and want the one that is held first."""
        with store.begin() as connection:
            connection.execute(text("SET LOCAL deadlock_timeout = '20s'"))  # the other gives way
            connection.execute(text("LOCK TABLE kf_usage_hours IN ROW EXCLUSIVE MODE"))
            held.set()
            while not connection.scalar(text(EXCLUSIVELY_HELD)):
                time.sleep(0.01)
            connection.execute(text("SELECT name FROM kf_keys"))

    writer = threading.Thread(target=write)
    writer.start()
    assert held.wait(10)
    revisions.migrate(store.database, "0003")
    writer.join()
    with store.read() as connection:
        assert revisions.revision(connection) == "0003"
    revisions.upgrade(store.database)


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    revisions.upgrade(database)
    revisions.migrate(database, "head")
    assert revisions.upgrade(database) == (revisions.REVISIONS[-1], revisions.REVISIONS[-1])


def test_tables_of_others_in_the_same_file_are_left_alone(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE workflow_status (id TEXT)"))
    before = tables(database)
    revisions.upgrade(database)
    revisions.migrate(database, "base")
    assert tables(database) == before


def test_a_newer_database_is_refused_in_one_clear_line(store: KeyStore, settings: Settings) -> None:
    execute(store, "UPDATE kf_alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseTooNew, match=r"newer keyfuse \(schema 9999") as error:
        KeyStore.open(settings=settings, peppers={1: bytes(32)})
    assert "\n" not in str(error.value)


def test_a_database_without_tables_is_outdated(database: Database) -> None:
    with pytest.raises(DatabaseOutdated, match="keyfuse db upgrade"):
        revisions.check(database)


def test_two_processes_may_open_a_fresh_database_at_once(tmp_path: Path) -> None:
    settings = Settings.load({"KEYFUSE_HOME": str(tmp_path / "new")})
    errors: list[Exception] = []
    rings = []

    def open_and_close() -> None:
        try:
            with KeyStore.open(settings=settings) as store:
                rings.append(store.peppers.derive(1, b"same?"))
        except StoreError as error:
            errors.append(error)

    threads = [threading.Thread(target=open_and_close) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(set(rings)) == 1


def test_a_server_is_upgraded_by_whoever_comes_first(open_fresh: OpenFresh) -> None:
    database = open_fresh()
    done: list[object] = []

    def upgrade() -> None:
        try:
            done.append(revisions.upgrade(database)[1])
        except StoreError as error:
            done.append(error)

    threads = [threading.Thread(target=upgrade) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [revisions.REVISIONS[-1]] * 4


def test_a_failed_migration_leaves_everything_as_it_was(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    revisions.migrate(database, revisions.REVISIONS[0])
    before = tables(database)
    monkeypatch.setattr(op, "drop_table", broken)
    with pytest.raises(RuntimeError, match="power cut"):
        revisions.migrate(database, "base")
    assert tables(database) == before
    with database.read() as connection:
        assert revisions.revision(connection) == revisions.REVISIONS[0]


def broken(*_: object, **__: object) -> None:
    raise RuntimeError("power cut")


def test_readers_go_on_during_a_migration(store: KeyStore, issued: Issued) -> None:
    """A step that takes half a second, with the changes a migration makes to a busy table."""
    answers: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            answers.append(store.verify(issued.token).code)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    with store.begin() as connection:
        connection.execute(text("ALTER TABLE kf_keys ADD COLUMN another BIGINT"))
        connection.execute(text("CREATE INDEX kf_keys_another ON kf_keys (another)"))
        time.sleep(0.5)
    time.sleep(0.1)
    done.set()
    for thread in threads:
        thread.join()
    assert set(answers) == {"valid"}
    assert store.verify(issued.token).ok


def test_readers_of_a_schema_that_is_gone_are_told_so(
    store: KeyStore, issued: Issued, caplog: pytest.LogCaptureFixture
) -> None:
    assert store.verify(issued.token).ok
    revisions.migrate(store.database, "base")
    assert store.verify(issued.token).code == "unavailable"
    with pytest.raises(DatabaseOutdated):
        store.check()
    revisions.upgrade(store.database)
    assert store.verify(issued.token).code == "unknown"
