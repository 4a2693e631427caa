"""Each thing that goes wrong with a database has one clear line, and changes nothing."""

import os
import shutil
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from keyfuse_store import Issued, KeyStore, driver_errors, engines
from keyfuse_store.database import open_database
from keyfuse_store.errors import (
    DatabaseDamaged,
    DatabaseError,
    DatabaseFull,
    DatabaseLocked,
    DatabaseReadOnly,
    DatabaseVanished,
    SettingsError,
)
from keyfuse_store.settings import Settings
from support.backends import execute, sqlite_only


@sqlite_only
def test_writes_are_on_disk_when_they_return(store: KeyStore) -> None:
    with store.begin() as connection:
        assert connection.scalar(text("PRAGMA synchronous")) == 2
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
        assert connection.connection.dbapi_connection.in_transaction


def test_a_new_file_is_readable_by_its_owner_only(home: Path, tmp_path: Path) -> None:
    open_database(f"sqlite:///{tmp_path}/sub/new.db").close()
    assert (tmp_path / "sub/new.db").stat().st_mode & 0o077 == 0


def test_a_failed_block_changes_nothing(store: KeyStore, issued: Issued) -> None:
    with pytest.raises(DatabaseError):
        execute(store, "DELETE FROM kf_keys", "SELECT * FROM kf_nowhere")
    assert store.get(issued.key.id) == issued.key


@sqlite_only
def test_locked(settings: Settings, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.05)
    other = sqlite3.connect(home / "keyfuse.db", isolation_level=None)
    with KeyStore.open(settings=settings, peppers={1: b"p" * 32}) as store:
        issued = store.issue(prefix="acme_live", owner="a@example.com")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseLocked, match=r"keyfuse\.db is locked"):
            store.revoke(issued.key.id, reason="leaked")
        assert store.verify(issued.token).ok, "readers never wait for a writer"
        other.execute("ROLLBACK")
        assert store.revoke(issued.key.id, reason="leaked").state == "revoked"
    other.close()


@sqlite_only
def test_full(store: KeyStore) -> None:
    filler = "CREATE TABLE kf_more AS SELECT zeroblob(1000000) AS filler"
    with pytest.raises(DatabaseFull, match="full"):
        execute(store, "PRAGMA max_page_count = 1", filler)
    assert store.list() == []


@sqlite_only
def test_read_only(store: KeyStore) -> None:
    with pytest.raises(DatabaseReadOnly, match="read-only"):
        execute(store, "PRAGMA query_only = ON", "DELETE FROM kf_keys")


@sqlite_only
def test_vanished(store: KeyStore, issued: Issued, home: Path) -> None:
    assert store.verify(issued.token).ok
    for file in home.glob("keyfuse.db*"):
        file.unlink()
    with pytest.raises(DatabaseVanished, match="is gone"):
        store.revoke(issued.key.id, reason="leaked")
    with pytest.raises(DatabaseVanished):
        store.check()
    assert not (home / "keyfuse.db").exists(), "no empty database may take its place"


@sqlite_only
def test_a_vanished_database_is_noticed_by_verification_within_a_second(
    store: KeyStore, issued: Issued, home: Path, clock, caplog: pytest.LogCaptureFixture
) -> None:
    assert store.verify(issued.token).ok
    for file in home.glob("keyfuse.db*"):
        file.unlink()
    clock.now += 1_000_000
    assert store.verify(issued.token).code == "unavailable"
    assert store.verify(issued.token).code == "unavailable"
    assert "is gone" in caplog.text


@sqlite_only
def test_a_restored_backup_is_taken_up(store: KeyStore, issued: Issued, home: Path, clock) -> None:
    assert store.verify(issued.token).ok
    with store.begin() as connection:
        connection.execute(text("SELECT 1"))
    backup = sqlite3.connect(home / "keyfuse.db")
    backup.execute("VACUUM INTO ?", (str(home / "backup.db"),))
    backup.close()
    store.revoke(issued.key.id, reason="after the backup")
    for file in home.glob("keyfuse.db*"):
        file.unlink()
    shutil.move(home / "backup.db", home / "keyfuse.db")
    clock.now += 1_000_000
    assert store.verify(issued.token).ok


def test_damaged(tmp_path: Path) -> None:
    (tmp_path / "odd.db").write_bytes(b"this is no database" * 100)
    settings = Settings.load({"KEYFUSE_HOME": str(tmp_path)})
    with pytest.raises(DatabaseDamaged, match=r"odd\.db is no SQLite database"):
        KeyStore.open(f"sqlite:///{tmp_path}/odd.db", settings=settings)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "must be a URL"),
        ("mysql://u:hidden@host/db", "mysql is not supported"),
        ("sqlite://", "name a file"),
        ("sqlite:///:memory:", "name a file"),
    ],
)
def test_urls_that_are_none_of_ours(url: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as error:
        open_database(url)
    assert "hidden" not in str(error.value)


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not a file"):
        open_database(f"sqlite:///{tmp_path}")


def test_a_place_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseReadOnly, match="cannot be made"):
        open_database(f"sqlite:///{tmp_path}/file/below/keys.db")


def test_a_postgresql_server_that_is_not_there_is_vanished_and_shows_no_password() -> None:
    gone = open_database("postgresql://keyfuse:hidden@127.0.0.1:1/keys")
    assert not gone.embedded
    with pytest.raises(DatabaseVanished, match="does not answer") as error:
        gone.hold()
    assert "hidden" not in str(error.value)
    gone.close()


class ServerError(Exception):
    def __init__(self, sqlstate: str) -> None:
        super().__init__("detail with values")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("state", "kind"),
    [("53100", DatabaseFull), ("25006", DatabaseReadOnly), ("XX000", DatabaseError)],
)
def test_a_server_error_is_named_by_its_state(state: str, kind: type[DatabaseError]) -> None:
    with pytest.raises(kind) as error, driver_errors.named_errors("db", ServerError):
        raise ServerError(state)
    assert "values" not in str(error.value)
    assert type(error.value) is kind


def test_an_exception_shows_no_parameters(store: KeyStore) -> None:
    with pytest.raises(DatabaseError) as error, store.begin() as connection:
        connection.execute(text("INSERT INTO kf_nowhere VALUES (:name)"), {"name": "hidden"})
    assert "hidden" not in str(error.value)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_uses_its_own_connections(store: KeyStore, issued: Issued) -> None:
    assert store.verify(issued.token).ok
    child = os.fork()
    if child == 0:
        fine = False
        try:
            fine = store.verify(issued.token).ok
            store.revoke(issued.key.id, reason="in the child")
        finally:
            os._exit(0 if fine else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert store.verify(issued.token).code == "revoked"


def test_redis_limits_need_a_url(home: Path) -> None:
    shared = Settings.load({"KEYFUSE_HOME": str(home), "KEYFUSE_LIMITS": "redis"})
    with pytest.raises(SettingsError, match="KEYFUSE_REDIS_URL"):
        KeyStore.open(settings=shared)
