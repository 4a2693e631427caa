"""The one place where connections to the database are opened.

SQLite runs in WAL mode so that readers never wait. A write transaction starts with `BEGIN
IMMEDIATE` (two writers queue instead of failing half way) and is on disk when it returns
(`synchronous=FULL`: with NORMAL the last commits can be lost at a power cut). On both a
read is one snapshot, and nobody waits longer than `BUSY_SECONDS` for a lock.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import ArgumentError

from keyfuse_store.driver_errors import named_errors
from keyfuse_store.errors import DatabaseVanished, SettingsError
from keyfuse_store.sqlite_file import identity_of, make_file

BUSY_SECONDS = 5.0
_WRITES = "keyfuse_writes"
# A server that fell silent is noticed in seconds, not after the two hours of TCP's own patience.
_POSTGRESQL_OPTIONS = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
# READ COMMITTED would show each statement of a read another state of the audit chain.
_SNAPSHOT = "REPEATABLE READ"

# With its own 2 MB SQLite would fetch most pages of a hundred thousand keys again and again.
_READER_SETTINGS = {
    "sqlite": ("PRAGMA query_only = ON", "PRAGMA cache_size = -32768"),
    "postgresql": ("SET default_transaction_read_only = on",),
}
# A call waits no longer than a second to be counted.
_COUNTER_SETTINGS = {
    "sqlite": ("PRAGMA synchronous = NORMAL", "PRAGMA busy_timeout = 1000"),
    "postgresql": ("SET synchronous_commit = off", "SET lock_timeout = 1000"),
}


class Database:
    """An engine and what the store needs to know about it.

    Attributes:
        engine: The SQLAlchemy engine.
        place: What to call the database in a message; holds no password.
        path: The file of an embedded SQLite database, else None.
        driver_error: The root of the driver's own exceptions.
        generation: Grows when the file was deleted or replaced: older connections are stale.
    """

    def __init__(
        self, engine: Engine, connect: Callable[[], Any], place: str, path: Path | None
    ) -> None:
        self.engine = engine
        self._connect = connect
        self.place = place
        self.path = path
        self.driver_error: type[Exception] = engine.dialect.loaded_dbapi.Error
        self.generation = 0
        self._identity = None if path is None else identity_of(path)

    @property
    def embedded(self) -> bool:
        """True for SQLite: one file, created and upgraded without being asked."""
        return self.path is not None

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One durable write transaction: committed when the block ends, undone if it raises.

        Raises:
            DatabaseError: locked, full, read-only or gone; nothing was changed.
        """
        self.check_place()
        with self.named_errors(), self.engine.connect() as connection:
            writer = connection.execution_options(**{_WRITES: True})
            with writer.begin():
                yield writer

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of the database.

        Raises:
            DatabaseError: locked or gone.
        """
        self.check_place()
        with self.named_errors(), self.engine.connect() as connection:
            if not self.embedded:
                connection.execution_options(isolation_level=_SNAPSHOT)
            with connection.begin():
                yield connection

    def hold(self) -> Any:
        """A driver connection in autocommit mode, outside the pool, that never writes.

        Raises:
            DatabaseError: it cannot be opened.
        """
        with self.named_errors():
            driver = self._connect()
            for setting in _READER_SETTINGS["sqlite" if self.embedded else "postgresql"]:
                driver.execute(setting)
            return driver

    def hold_counter(self) -> Any:
        """The same for counters: it writes, and a power cut may undo its last commits.

        Raises:
            DatabaseError: it cannot be opened.
        """
        with self.named_errors():
            driver = self._connect()
            for setting in _COUNTER_SETTINGS["sqlite" if self.embedded else "postgresql"]:
                driver.execute(setting)
            return driver

    def check_place(self) -> None:
        """Make sure the file is the one that was opened.

        A deleted file can be read and written for as long as it is open: without this a process
        would go on answering from a database that nobody else can reach. A file put in its place
        (a restored backup) is taken up.

        Raises:
            DatabaseVanished: there is no file any more.
        """
        if self.path is None:
            return
        identity = identity_of(self.path)
        if identity != self._identity:
            self._identity = identity
            self.generation += 1
            self.engine.dispose()
        if identity is None:
            raise DatabaseVanished(f"database {self.place} is gone; was it moved or deleted?")

    def named_errors(self) -> AbstractContextManager[None]:
        """Inside, every error of the driver is a `DatabaseError` that names this database."""
        return named_errors(self.place, self.driver_error)

    def forget_parent(self) -> None:
        """After a fork: leave the parent's connections to the parent."""
        self.engine.dispose(close=False)

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def open_database(url: str, *, create: bool = True) -> Database:
    """Open `sqlite:///FILE` or `postgresql+psycopg://…`.

    Args:
        url: Where it is.
        create: Make a SQLite file that is missing.

    Raises:
        SettingsError: the URL is none of these.
        DatabaseError: the file or its folder cannot be used.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise SettingsError("database_url: must be a URL like sqlite:///keys.db") from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return _open_sqlite(parsed, create=create)
    if backend == "postgresql":
        return _open_postgresql(parsed.set(drivername="postgresql+psycopg"))
    raise SettingsError(f"database_url: {backend} is not supported; use sqlite or postgresql")


def _open_sqlite(url: URL, *, create: bool) -> Database:
    if not url.database or url.database == ":memory:":
        raise SettingsError("database_url: name a file; a database in memory dies with its keys")
    path = Path(url.database).absolute()
    place = str(path)
    if create:
        make_file(path)
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
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return Database(engine, connect, place, path)


def _open_postgresql(url: URL) -> Database:
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
    return Database(engine, connect, place, None)


def _prepare_sqlite(driver: sqlite3.Connection, _record: object) -> None:
    driver.execute("PRAGMA foreign_keys = ON")
    driver.execute("PRAGMA synchronous = FULL")


def _prepare_postgresql(driver: Any, _record: object) -> None:
    """Bound the wait for a lock; in a transaction of its own, so that no rollback undoes it."""
    before = driver.autocommit
    driver.autocommit = True
    driver.execute(f"SET lock_timeout = {round(BUSY_SECONDS * 1000)}")
    driver.autocommit = before


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
