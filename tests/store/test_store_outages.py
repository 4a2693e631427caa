"""A database that is locked, full, read-only or gone: one clear line, no half change, and back."""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text

from keyfuse_store import Issued, KeyStore, audit, engines, readiness
from keyfuse_store.database import open_database
from keyfuse_store.errors import (
    DatabaseError,
    DatabaseFull,
    DatabaseLocked,
    DatabaseReadOnly,
    DatabaseVanished,
    PepperError,
)
from keyfuse_store.settings import Settings
from support.backends import execute, postgresql_only, sqlite_only
from support.postgres import PostgresServer


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait a tenth of a second for a lock instead of five; to be asked for before the store."""
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.1)


@contextmanager
def writer_at_work(store: KeyStore) -> Iterator[None]:
    """Another process that has changed something and not committed yet."""
    other = open_database(store.database.engine.url.render_as_string(hide_password=False))
    try:
        with other.begin() as connection:
            connection.execute(text("UPDATE kf_audit_head SET seq = seq"))
            yield
    finally:
        other.close()


def refuses_every_change(
    store: KeyStore, issued: Issued, kind: type[DatabaseError], word: str
) -> None:
    """Each change and the readiness probe say what is wrong, in one line; nothing has changed."""
    changes: list[Callable[[], object]] = [
        lambda: store.issue(prefix="acme_live", owner="b@example.com"),
        lambda: store.revoke(issued.key.id, reason="leaked"),
        lambda: store.suspend(issued.key.id, reason="pause"),
        lambda: store.add_owner("c@example.com"),
        store.check,
    ]
    for change in changes:
        with pytest.raises(kind) as error:
            change()
        assert type(error.value) is kind
        assert readiness.reason(error.value) == word
        assert "\n" not in str(error.value)


def is_as_it_was(store: KeyStore, issued: Issued) -> None:
    """Nothing was changed by what was refused, and everything works again."""
    (key,) = store.list()
    # When it was last used is written behind, by then or a little later.
    assert msgspec.structs.replace(key, last_used_us=issued.key.last_used_us) == issued.key
    with store.read() as connection:
        assert audit.verify_chain(connection, store.peppers) == (2, None)
    store.check()
    assert store.verify(issued.token).ok
    assert store.revoke(issued.key.id, reason="leaked").state == "revoked"


def test_a_healthy_store_is_ready_and_stays_as_it_is(store: KeyStore, issued: Issued) -> None:
    store.check()
    is_as_it_was(store, issued)


@pytest.mark.usefixtures("impatient")
def test_locked(store: KeyStore, issued: Issued) -> None:
    with writer_at_work(store):
        refuses_every_change(store, issued, DatabaseLocked, "locked")
        assert store.verify(issued.token).ok, "readers never wait for a writer"
    is_as_it_was(store, issued)


@pytest.mark.usefixtures("impatient")
@postgresql_only
def test_a_reader_behind_a_locked_table_gives_up(
    store: KeyStore, issued: Issued, caplog: pytest.LogCaptureFixture
) -> None:
    assert store.verify(issued.token).ok
    with store.begin() as connection:
        connection.execute(text("LOCK TABLE kf_keys"))
        assert store.verify(issued.token).code == "unavailable"
    assert "is locked by another writer" in caplog.text
    assert store.verify(issued.token).ok


@postgresql_only
def test_full_on_a_server(store: KeyStore, issued: Issued) -> None:
    """The server raises what it raises when its disk is full (SQLSTATE 53100)."""
    execute(
        store,
        """CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END $$""",
        "CREATE TRIGGER full_disk BEFORE UPDATE ON kf_audit_head EXECUTE FUNCTION full_disk()",
    )
    refuses_every_change(store, issued, DatabaseFull, "full")
    assert store.verify(issued.token).ok
    execute(store, "DROP TRIGGER full_disk ON kf_audit_head")
    is_as_it_was(store, issued)


@postgresql_only
def test_read_only_on_a_server(store: KeyStore, issued: Issued, postgres: PostgresServer) -> None:
    """As on a standby."""
    name = store.database.engine.url.database
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    store.database.engine.dispose()
    refuses_every_change(store, issued, DatabaseReadOnly, "read_only")
    assert store.verify(issued.token).ok
    postgres.execute(f"ALTER DATABASE {name} RESET ALL")
    store.database.engine.dispose()
    is_as_it_was(store, issued)


@postgresql_only
def test_a_user_without_rights(store: KeyStore, issued: Issued, postgres: PostgresServer) -> None:
    name = store.database.engine.url.database
    execute(store, "DROP ROLE IF EXISTS nobody_much", "CREATE ROLE nobody_much LOGIN")
    url = postgres.url(str(name)).replace("postgres@", "nobody_much@")
    with pytest.raises(DatabaseReadOnly, match="refuses this user"):
        KeyStore.open(url, peppers={1: b"p" * 32}, settings=store.settings)


@postgresql_only
def test_a_server_that_goes_away_and_comes_back(
    store: KeyStore, issued: Issued, postgres: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    assert store.verify(issued.token).ok
    postgres.stop()
    try:
        assert store.verify(issued.token).code == "unavailable"
        refuses_every_change(store, issued, DatabaseVanished, "vanished")
    finally:
        postgres.start()
    is_as_it_was(store, issued)
    assert issued.token.reveal()[-38:] not in caplog.text


@postgresql_only
def test_connections_that_the_server_closed_are_replaced_unseen(
    store: KeyStore, issued: Issued, postgres: PostgresServer
) -> None:
    assert store.verify(issued.token).ok
    name = store.database.engine.url.database
    postgres.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    )
    assert store.verify(issued.token).ok
    assert store.get(issued.key.id) == issued.key
    is_as_it_was(store, issued)


@postgresql_only
def test_a_connection_lost_in_the_middle_changes_nothing(store: KeyStore, issued: Issued) -> None:
    with pytest.raises(DatabaseVanished, match=r"shutting down|does not answer"):
        execute(
            store,
            "UPDATE kf_keys SET name = 'half'",
            "SELECT pg_terminate_backend(pg_backend_pid())",
        )
    is_as_it_was(store, issued)


@postgresql_only
def test_a_dropped_database_is_vanished(
    settings: Settings, postgres: PostgresServer, home: Path
) -> None:
    with postgres.database("kf_template") as url:
        store = KeyStore.open(url, peppers={1: b"p" * 32}, settings=settings)
    with store, pytest.raises(DatabaseVanished):
        store.check()


@postgresql_only
def test_a_held_connection_cannot_write(store: KeyStore) -> None:
    held = store.database.hold()
    with pytest.raises(DatabaseReadOnly), store.database.named_errors():
        held.execute("DELETE FROM kf_keys")
    held.close()


def test_a_read_is_one_snapshot(store: KeyStore, issued: Issued) -> None:
    with store.read() as connection:
        before = connection.scalar(text("SELECT count(*) FROM kf_keys"))
        store.issue(prefix="acme_live", owner="b@example.com")
        assert connection.scalar(text("SELECT count(*) FROM kf_keys")) == before
    with store.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM kf_keys")) == before + 1


def test_the_audit_chain_can_be_checked_while_it_grows(store: KeyStore, issued: Issued) -> None:
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            store.suspend(issued.key.id, reason="pause")
            store.resume(issued.key.id)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(30):
            with store.read() as connection:
                assert audit.verify_chain(connection, store.peppers).problem is None
    finally:
        done.set()
        writer.join()


def test_a_store_with_the_peppers_of_another_database_is_not_ready(store: KeyStore) -> None:
    execute(store, "DELETE FROM kf_peppers")
    row = {"check": b"x" * 32}
    with store.begin() as connection:
        connection.execute(text("INSERT INTO kf_peppers VALUES (1, :check, 0)"), row)
    with pytest.raises(PepperError) as error:
        store.check()
    assert readiness.reason(error.value) == "peppers"


def test_a_store_without_its_audit_head_is_not_ready(store: KeyStore) -> None:
    execute(store, "DELETE FROM kf_audit_head")
    with pytest.raises(DatabaseError) as error:
        store.check()
    assert readiness.reason(error.value) == "damaged"
    assert readiness.reason(DatabaseError("odd")) == "unusable"


# A file system of its own, 8 MiB large: really full, then really read-only.
SMALL_DISK = """
set -e
mount -t tmpfs -o size=8m none "$1"
exec "$2" "$3" "$1"
"""
ON_A_SMALL_DISK = """
import logging, subprocess, sys
from pathlib import Path
from keyfuse_store import KeyStore, audit, readiness
from keyfuse_store.errors import DatabaseFull, DatabaseReadOnly

logging.disable()
disk = Path(sys.argv[1])

def refused(kind, change):
    try:
        change()
    except kind as error:
        return readiness.reason(error)
    raise AssertionError("was not refused")

def nothing_changed():
    assert store.get(issued.key.id) == issued.key
    assert store.verify(issued.token).ok
    with store.read() as connection:
        assert audit.verify_chain(connection, store.peppers) == (2, None)

with KeyStore.open(f"sqlite:///{disk}/keys.db", peppers={1: b"p" * 32}) as store:
    issued = store.issue(prefix="acme_live", owner="a@example.com")
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            pass
    assert refused(DatabaseFull, lambda: store.revoke(issued.key.id, reason="x")) == "full"
    assert refused(DatabaseFull, store.check) == "full"
    nothing_changed()
    filler.unlink()
    store.check()
    store.suspend(issued.key.id, reason="x")
    store.resume(issued.key.id)
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    url = f"sqlite:///{disk}/keys.db"
    print(refused(DatabaseReadOnly, lambda: KeyStore.open(url, peppers={1: b"p" * 32})))
"""


@sqlite_only
def test_a_disk_that_is_really_full_then_really_read_only(
    home: Path, tmp_path: Path, backend: str
) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "program.py").write_text(ON_A_SMALL_DISK)
    command = ["unshare", "--mount", "sh", "-c", SMALL_DISK, "sh", tmp_path / "disk"]
    tried = subprocess.run(
        [*command, sys.executable, tmp_path / "program.py"],
        capture_output=True, text=True, check=False, env=os.environ | {"KEYFUSE_HOME": str(home)},
    ) if sys.platform == "linux" else None  # fmt: skip
    if tried is None or "ermi" in tried.stderr.partition("Traceback")[0]:
        pytest.skip("needs Linux and the right to mount a file system")
    assert tried.stderr == ""
    assert tried.stdout.split() == ["read_only"]
