"""The one place where connections to the database are opened.

SQLite runs in WAL mode so that readers never wait. A write transaction starts with `BEGIN
IMMEDIATE` (two writers queue instead of failing half way) and is on disk when it returns
(`synchronous=FULL`: with NORMAL the last commits can be lost at a power cut). On both a
read is one snapshot, and nobody waits longer than `engines.BUSY_SECONDS` for a lock.

Beside the file of an embedded database lies one with statistics (`usage_file`).
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError

from keyfuse_store.driver_errors import named_errors
from keyfuse_store.engines import WRITES, open_postgresql, open_sqlite
from keyfuse_store.errors import DatabaseError, DatabaseVanished, SettingsError
from keyfuse_store.sqlite_file import identity_of
from keyfuse_store.usage_file import attach, usage_path

log = logging.getLogger(__name__)

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
        generation: Grows when a file was deleted or replaced: older connections are stale.
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
        self._usage_identity = None if path is None else identity_of(usage_path(path))

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
            writer = connection.execution_options(**{WRITES: True})
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
            if self.path is not None:
                try:
                    attach(driver, self.path)
                except DatabaseError as error:
                    log.warning("keys are verified, and their statistics not shown: %s", error)
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
        usage_identity = identity_of(usage_path(self.path))
        if usage_identity != self._usage_identity:
            # The next connection attaches what is there now, or makes it.
            self._usage_identity = usage_identity
            self.generation += 1
            self.engine.dispose()

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
        return Database(*open_sqlite(parsed, create=create))
    if backend == "postgresql":
        return Database(*open_postgresql(parsed.set(drivername="postgresql+psycopg")))
    raise SettingsError(f"database_url: {backend} is not supported; use sqlite or postgresql")
