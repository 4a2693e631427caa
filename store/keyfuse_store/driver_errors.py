"""What a database driver says, in one line that tells an operator what to do.

Neither the statement nor its parameters go into the message.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from keyfuse_store.errors import (
    DatabaseDamaged,
    DatabaseError,
    DatabaseFull,
    DatabaseLocked,
    DatabaseReadOnly,
    DatabaseVanished,
    Deadlocked,
)

# Primary result codes of SQLite (https://www.sqlite.org/rescode.html): the low byte.
_SQLITE: dict[int, tuple[type[DatabaseError], str]] = {
    sqlite3.SQLITE_BUSY: (DatabaseLocked, "is locked by another writer; try again"),
    sqlite3.SQLITE_LOCKED: (DatabaseLocked, "is locked by another writer; try again"),
    sqlite3.SQLITE_FULL: (DatabaseFull, "is full; free some disk space"),
    sqlite3.SQLITE_READONLY: (DatabaseReadOnly, "is read-only; check the rights of its folder"),
    sqlite3.SQLITE_CANTOPEN: (DatabaseVanished, "is gone; was it moved or deleted?"),
    sqlite3.SQLITE_IOERR: (DatabaseVanished, "cannot be read or written; check the disk"),
    sqlite3.SQLITE_CORRUPT: (DatabaseDamaged, "is damaged; restore a backup"),
    sqlite3.SQLITE_NOTADB: (DatabaseDamaged, "is no SQLite database"),
}
# SQLSTATE classes of PostgreSQL (appendix A of its manual).
_POSTGRESQL: dict[str, tuple[type[DatabaseError], str]] = {
    "53100": (DatabaseFull, "is full; free some disk space"),
    "53200": (DatabaseFull, "has no memory left; give the server more"),
    "53300": (DatabaseLocked, "has no connection left; try again, or raise max_connections"),
    "25006": (DatabaseReadOnly, "accepts no writes; is it a standby?"),
    "42501": (DatabaseReadOnly, "refuses this user; grant it the rights on keyfuse's tables"),
    "3D000": (DatabaseVanished, "does not exist; was it dropped?"),
    "57P01": (DatabaseVanished, "is shutting down"),
    "57P02": (DatabaseVanished, "crashed and is recovering"),
    "57P03": (DatabaseVanished, "is starting up"),
    "58030": (DatabaseVanished, "cannot be read or written; check the server's disk"),
    "XX001": (DatabaseDamaged, "is damaged; restore a backup"),
    "XX002": (DatabaseDamaged, "is damaged; restore a backup"),
    "55P03": (DatabaseLocked, "is locked by another writer; try again"),
    "57014": (DatabaseLocked, "took too long to answer; try again"),
    "40P01": (Deadlocked, "broke a deadlock between two writers; try again"),
}


@contextmanager
def named_errors(place: str, driver_error: type[Exception]) -> Iterator[None]:
    """Turn what SQLAlchemy or the driver raises inside into a `DatabaseError` naming `place`."""
    try:
        yield
    except DBAPIError as error:
        raise _named(error.orig, place) from None
    except driver_error as error:
        raise _named(error, place) from None


def _named(error: BaseException | None, place: str) -> DatabaseError:
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        kind, what = _SQLITE.get(code, (DatabaseError, f"refused: {error}"))
        if code == sqlite3.SQLITE_CANTOPEN and Path(place).exists():
            # The write-ahead log needs a file beside it, for readers too.
            kind, what = DatabaseReadOnly, "cannot be opened; check the rights of its folder"
        return kind(f"database {place} {what}")
    state = getattr(error, "sqlstate", None)
    if state is None:
        return DatabaseVanished(f"database {place} does not answer; is the server running?")
    kind, what = _POSTGRESQL.get(state, (DatabaseError, f"refused with SQLSTATE {state}"))
    return kind(f"database {place} {what}")
