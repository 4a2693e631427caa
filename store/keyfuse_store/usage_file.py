"""The file of statistics beside an embedded database: made where it is missing, and attached.

Connections see its tables as if they were their own, under the same names. Losing the file loses
statistics and nothing else, so that a new one simply takes its place.
"""

import sqlite3
from pathlib import Path

from sqlalchemy import MetaData
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable, DDLElement

from keyfuse_store.driver_errors import named_errors
from keyfuse_store.errors import DatabaseDamaged
from keyfuse_store.sqlite_file import make_file
from keyfuse_store.usage_schema import usage_metadata

SCHEMA = "usage"
"""The name under which SQL may call the file, to tell its tables from older ones of that name."""


def usage_path(path: Path) -> Path:
    """Where the statistics of a database are."""
    return path.with_name(f"{path.name}-usage")


def attach(driver: sqlite3.Connection, path: Path) -> None:
    """Let a connection see the statistics of a database.

    Args:
        driver: The connection, opened with `uri=True` and in no transaction.
        path: Where the database is.

    Raises:
        DatabaseError: the file cannot be made or used.
    """
    beside = usage_path(path)
    if not beside.exists():
        make_file(beside)
    try:
        _attach(driver, beside)
    except DatabaseDamaged:
        raise DatabaseDamaged(
            f"database {beside} is damaged; it holds statistics and nothing else: remove it"
        ) from None


def _attach(driver: sqlite3.Connection, beside: Path) -> None:
    with named_errors(str(beside), sqlite3.Error):
        # mode=rw: as with the database, only `make_file` makes it.
        driver.execute(f"ATTACH ? AS {SCHEMA}", (f"{beside.as_uri()}?mode=rw",))
        driver.execute(f"PRAGMA {SCHEMA}.synchronous = FULL")
        there = driver.execute(f"PRAGMA {SCHEMA}.table_list").fetchall()
        if not {row[1] for row in there} >= usage_metadata.tables.keys():
            for statement in _STATEMENTS:
                driver.execute(statement)


def _statements() -> tuple[str, ...]:
    """What makes the tables, and may be run by several processes at once."""
    elsewhere = MetaData(naming_convention=usage_metadata.naming_convention)
    tables = [table.to_metadata(elsewhere, SCHEMA) for table in usage_metadata.sorted_tables]
    indexes = [index for table in tables for index in table.indexes]
    made: list[DDLElement] = [
        *(CreateTable(table, if_not_exists=True) for table in tables),
        *(CreateIndex(index, if_not_exists=True) for index in indexes),
    ]
    return tuple(str(each.compile(dialect=sqlite.dialect())) for each in made)


_STATEMENTS = _statements()
