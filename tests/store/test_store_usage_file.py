"""Statistics of an embedded database lie beside it: what becomes of them is not felt by keys."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from keyfuse_store import Issued, KeyStore, revisions
from keyfuse_store.errors import DatabaseDamaged, DatabaseReadOnly
from keyfuse_store.settings import Settings
from support.backends import execute, sqlite_only

pytestmark = sqlite_only


@pytest.fixture
def beside(home: Path) -> Path:
    return home / "keyfuse.db-usage"


def forget(beside: Path) -> None:
    for file in beside.parent.glob(f"{beside.name}*"):
        file.unlink()


def test_only_its_owner_can_read_it(store: KeyStore, beside: Path) -> None:
    assert store.list() == []
    assert beside.stat().st_mode & 0o077 == 0


def test_counting_writes_nothing_to_the_file_of_the_keys(
    store: KeyStore, issued: Issued, home: Path
) -> None:
    store.verify(issued.token)
    store.flush()
    with closing(sqlite3.connect(home / "keyfuse.db")) as reader:
        before = reader.execute("PRAGMA data_version").fetchone()
        store.verify(issued.token)
        store.flush()
        assert reader.execute("PRAGMA data_version").fetchone() == before
        store.rename(issued.key.id, "other")
        assert reader.execute("PRAGMA data_version").fetchone() != before
    assert store.usage(issued.key.id).hours[0].valid == 2


def test_a_lost_file_is_made_again(store: KeyStore, issued: Issued, beside: Path) -> None:
    store.verify(issued.token)
    store.flush()
    assert store.get(issued.key.id).last_used is not None
    forget(beside)
    assert store.get(issued.key.id).last_used is None
    store.verify(issued.token)
    store.flush()
    assert store.get(issued.key.id).last_used is not None
    assert beside.exists()


def test_one_from_another_database_is_taken_up(
    store: KeyStore, issued: Issued, beside: Path
) -> None:
    store.verify(issued.token)
    store.flush()
    with closing(sqlite3.connect(beside)) as kept:
        kept.execute("VACUUM INTO ?", (str(beside.with_name("kept")),))
    forget(beside)
    assert store.get(issued.key.id).last_used is None
    forget(beside)
    beside.with_name("kept").rename(beside)
    assert store.get(issued.key.id).last_used is not None


def test_verification_takes_up_another_one_within_a_second(
    store: KeyStore, issued: Issued, beside: Path, clock: Any
) -> None:
    def last_used() -> object:
        key = store.verify(issued.token).key
        assert key is not None
        return key.last_used

    last_used()
    store.flush()
    assert last_used() is not None
    forget(beside)
    clock.now += 1_000_000
    assert last_used() is None


@pytest.fixture
def damaged(store: KeyStore, issued: Issued, beside: Path) -> Iterator[None]:
    store.close()
    forget(beside)
    beside.write_bytes(b"no database" * 100)
    return iter(())


def test_a_damaged_one_is_named(settings: Settings, damaged: None) -> None:
    with pytest.raises(DatabaseDamaged, match=r"keyfuse\.db-usage is damaged; .* remove it"):
        KeyStore.open(settings=settings, peppers={1: b"p" * 32})


def test_keys_are_verified_beside_a_damaged_one(
    store: KeyStore, issued: Issued, beside: Path, caplog: pytest.LogCaptureFixture
) -> None:
    forget(beside)
    beside.write_bytes(b"no database" * 100)
    assert store.verify(issued.token).ok
    assert "their statistics not shown" in caplog.text
    assert "keyfuse.db-usage is damaged" in caplog.text


def test_it_cannot_be_made(store: KeyStore, beside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    forget(beside)
    monkeypatch.setattr("keyfuse_store.sqlite_file.os.open", refuse)
    with pytest.raises(DatabaseReadOnly, match=r"keyfuse\.db-usage cannot be made"):
        store.list()


def test_statistics_move_there_and_back(store: KeyStore, issued: Issued) -> None:
    store.verify(issued.token)
    store.flush()
    before = store.get(issued.key.id), store.usage(issued.key.id)
    revisions.migrate(store.database, "0010")
    assert execute(store, "DELETE FROM usage.kf_usage_hours") is None
    assert (store.get(issued.key.id), store.usage(issued.key.id)) == before
    revisions.upgrade(store.database)
    assert (store.get(issued.key.id), store.usage(issued.key.id)) == before
