"""How connections are set up before anybody gets them, for each kind of database."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import URL, Connection, Engine, create_engine, event

from keyfuse_store.errors import SettingsError
from keyfuse_store.sqlite_file import make_file
from keyfuse_store.usage_file import attach, usage_path

BUSY_SECONDS = 5.0
"""For how long anybody waits for a lock."""
WRITES = "keyfuse_writes"
"""The execution option of a connection whose transaction will write."""

# A server that fell silent is noticed in seconds, not after the two hours of TCP's own patience.
_POSTGRESQL_OPTIONS = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


class Opened(NamedTuple):
    """A database that can be connected to.

    Attributes:
        engine: Its pool of connections.
        connect: Opens a driver connection outside the pool.
        place: What to call it in a message; holds no password.
        path: The file of an embedded one, else None.
    """

    engine: Engine
    connect: Callable[[], Any]
    place: str
    path: Path | None


def open_sqlite(url: URL, *, create: bool) -> Opened:
    """Make ready a file, and the one with its statistics; `create` makes what is missing.

    Raises:
        SettingsError: the URL names no file.
        DatabaseError: it cannot be made.
    """
    if not url.database or url.database == ":memory:":
        raise SettingsError("database_url: name a file; a database in memory dies with its keys")
    path = Path(url.database).absolute()
    place = str(path)
    if create:
        make_file(path)
        make_file(usage_path(path))
    # mode=rw: a file that vanished must be an error, never quietly a new and empty database.
    uri = f"{path.as_uri()}?mode=rw"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            uri,
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )

    engine = create_engine(url, creator=connect, hide_parameters=True)

    def prepare(driver: sqlite3.Connection, _record: object) -> None:
        driver.execute("PRAGMA foreign_keys = ON")
        driver.execute("PRAGMA synchronous = FULL")
        attach(driver, path)

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", _begin_sqlite)
    return Opened(engine, connect, place, path)


def open_postgresql(url: URL) -> Opened:
    """Make ready a server, which is not asked before somebody connects."""
    engine = create_engine(
        url, hide_parameters=True, pool_pre_ping=True, connect_args=_POSTGRESQL_OPTIONS
    )
    event.listen(engine, "connect", _prepare_postgresql)
    arguments, options = engine.dialect.create_connect_args(url)

    def connect() -> Any:
        dbapi = engine.dialect.loaded_dbapi
        driver = dbapi.connect(*arguments, **{**_POSTGRESQL_OPTIONS, **options}, autocommit=True)
        _prepare_postgresql(driver, None)
        return driver

    # A password may stand in the query as well.
    place = url.set(query={}).render_as_string(hide_password=True)
    return Opened(engine, connect, place, None)


def _prepare_postgresql(driver: Any, _record: object) -> None:
    """Bound the wait for a lock; in a transaction of its own, so that no rollback undoes it."""
    before = driver.autocommit
    driver.autocommit = True
    driver.execute(f"SET lock_timeout = {round(BUSY_SECONDS * 1000)}")
    driver.autocommit = before


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
