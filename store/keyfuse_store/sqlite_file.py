"""The file of an embedded database: made so that only its owner can read it, and told apart."""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from keyfuse_store.driver_errors import named_errors
from keyfuse_store.errors import DatabaseReadOnly, SettingsError


def make_file(path: Path) -> None:
    """Make an empty file that only its owner can read; leave one that is there alone.

    It gets its name when it is in WAL mode: the switch fails while somebody else reads.
    """
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        if path.exists():
            if not path.is_file():
                raise SettingsError(f"database_url: {path} is not a file")
            return
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            _set_wal_mode(draft)
            with suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink()
    except OSError as error:
        raise DatabaseReadOnly(f"database {path} cannot be made: {error.strerror}") from None


def _set_wal_mode(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, named_errors(str(path), sqlite3.Error):
        connection.execute("PRAGMA journal_mode = WAL")


def identity_of(path: Path) -> tuple[int, int] | None:
    """What tells a file from another one in its place; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
