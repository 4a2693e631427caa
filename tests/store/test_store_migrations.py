"""The migrations make exactly the tables that the code works with, and unmake them."""

import re
import sqlite3
import threading
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

import keyfuse_store
from keyfuse_store import KeyStore, StoreError, revisions
from keyfuse_store.database import Database, open_database
from keyfuse_store.errors import DatabaseOutdated, DatabaseTooNew
from keyfuse_store.schema import metadata
from keyfuse_store.settings import Settings


@pytest.fixture
def database(tmp_path: Path):
    database = open_database(f"sqlite:///{tmp_path}/fresh.db")
    yield database
    database.close()


def tables(database: Database) -> set[str]:
    """Every CREATE statement, white space, quotes and the order of its parts aside."""
    with database.read() as connection:
        found = connection.execute(
            text(
                "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE '%alembic%'"
            )
        )
        return {normal(row[0]) for row in found}


def normal(sql: str) -> str:
    head, _, body = re.sub(r'[\s"]+', " ", sql).partition("(")
    parts = re.split(r",\s*(?![^()]*\))", body.rsplit(")", 1)[0])
    return (
        f"{head.strip()} {sorted(part.strip() for part in parts)} {sql.rsplit(')', 1)[1].strip()}"
    )


def test_migrations_and_models_make_the_same_tables(database: Database, tmp_path: Path) -> None:
    revisions.upgrade(database)
    modelled = open_database(f"sqlite:///{tmp_path}/modelled.db")
    with modelled.begin() as connection:
        metadata.create_all(connection)
    try:
        assert tables(database) == tables(modelled)
    finally:
        modelled.close()


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


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    revisions.upgrade(database)
    revisions.migrate(database, "head")
    assert revisions.upgrade(database) == (revisions.REVISIONS[-1], revisions.REVISIONS[-1])


def test_tables_of_others_in_the_same_file_are_left_alone(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE workflow_status (id TEXT)"))
    revisions.upgrade(database)
    revisions.migrate(database, "base")
    assert tables(database) == {normal("CREATE TABLE workflow_status (id TEXT)")}


def test_a_newer_database_is_refused_in_one_clear_line(home: Path, settings: Settings) -> None:
    connection = sqlite3.connect(home / "keyfuse.db")
    connection.execute("UPDATE kf_alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
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
