"""What verification reads: the key in one descent of one tree, and each owner's address once."""

import pytest
from sqlalchemy import Executable
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.elements import ClauseElement

from keyfuse_store import Issued, KeyStore, reader
from keyfuse_store.keys import grant_lookup, holder_lookup

KEY = "SEARCH kf_keys USING PRIMARY KEY (id=?)"


@pytest.mark.parametrize("statement", [grant_lookup(), holder_lookup()])
def test_sqlite_reads_no_more_than_it_must(store: KeyStore, statement: Executable) -> None:
    if store.database.path is None:
        pytest.skip("PostgreSQL plans by what is in its tables")
    assert isinstance(statement, ClauseElement)
    sql = str(statement.compile(dialect=sqlite.dialect()))
    with store.read() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", ("0000000000",)).all()
    assert [row.detail for row in rows] == [KEY]


@pytest.mark.parametrize("most", [1, 65_536])
def test_each_holder_is_told_with_his_own_address(
    store: KeyStore, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(reader, "ADDRESSES", most)
    owners = [f"o{number}@example.com" for number in range(5)]
    keys = [store.issue(prefix="acme_live", owner=owner) for owner in owners]
    for _ in range(3):
        for issued, owner in zip(keys, owners, strict=True):
            holder = store.verify(issued.token, holder=True).holder
            assert holder is not None
            assert (holder.owner, holder.name, holder.id) == (owner, "", issued.key.id)


def test_answer_without_the_address_is_unavailable(
    store: KeyStore, issued: Issued, caplog: pytest.LogCaptureFixture
) -> None:
    with store.database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE kf_owners RENAME TO kf_elsewhere")
    verdict = store.verify(issued.token, holder=True)
    assert (verdict.ok, verdict.code, verdict.holder) == (False, "unavailable", None)
    assert "could not be verified" in caplog.text
    with store.database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE kf_elsewhere RENAME TO kf_owners")
    assert store.verify(issued.token, holder=True).ok


def test_answer_without_the_owner_is_unavailable(
    store: KeyStore, issued: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.verify(issued.token).ok
    # As where another database was put in the place of this one in between.
    fetches = store._reader._held.local.value
    elsewhere = fetches._replace(address=lambda _: None)
    monkeypatch.setattr(store._reader._held.local, "value", elsewhere)
    assert store.verify(issued.token, holder=True).code == "unavailable"
