"""The databases that the store runs on, and how a test is held to one of them."""

import pytest
from sqlalchemy import text

from keyfuse_store import KeyStore

BACKENDS = ("sqlite", "postgresql")

sqlite_only = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
# Where a test otherwise runs on SQLite alone: the fixture `database` of the console.
on_both_databases = pytest.mark.parametrize("database", BACKENDS, indirect=True)
postgresql_only = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)


def execute(store: KeyStore, *statements: str) -> None:
    """Run statements in one write transaction, as somebody with a database shell would."""
    with store.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
