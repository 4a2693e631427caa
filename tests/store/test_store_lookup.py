"""Verification reads one page of keys, and one of owners where it is asked whose key it is."""

import pytest
from sqlalchemy import Executable
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.elements import ClauseElement

from keyfuse_store import KeyStore
from keyfuse_store.keys import grant_lookup, holder_lookup

KEY = "SEARCH kf_keys USING PRIMARY KEY (id=?)"
OWNER = "SEARCH kf_owners USING COVERING INDEX kf_owners_id_email (id=? AND email>?)"


@pytest.mark.parametrize(
    ("statement", "steps"), [(grant_lookup(), [KEY]), (holder_lookup(), [KEY, OWNER])]
)
def test_sqlite_reads_no_more_than_it_must(
    store: KeyStore, statement: Executable, steps: list[str]
) -> None:
    if store.database.path is None:
        pytest.skip("PostgreSQL plans by what is in its tables")
    assert isinstance(statement, ClauseElement)
    sql = str(statement.compile(dialect=sqlite.dialect()))
    with store.read() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", ("0000000000",)).all()
    assert [row.detail for row in rows] == steps
