"""The hot path's SQL: one SELECT, compiled once, run on a driver connection held per thread.

SQLAlchemy writes the statement and stays out of its execution: a pooled connection costs five
times the look-up itself. Every call reads the row anew, so what any process has committed is
what the next verification sees.
"""

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any

from keyfuse_store.database import Database
from keyfuse_store.keys import lookup

Row = tuple[Any, ...]

# Connections of a parent process: kept so that nothing in the child closes them.
_abandoned: list[object] = []
_readers: weakref.WeakSet["KeyReader"] = weakref.WeakSet()


class _Held:
    """One thread's connection, closed when the thread ends or the reader does."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.close = weakref.finalize(self, driver.close)


class KeyReader:
    """Reads the row of a key by its id: `(digest, pepper_version, *fields of model.Key)`."""

    def __init__(self, database: Database) -> None:
        compiled = lookup().compile(dialect=database.engine.dialect)
        self._sql = str(compiled)
        self._positional = compiled.positional
        self._database = database
        self._driver_error = database.driver_error
        self._local = threading.local()
        self._open: weakref.WeakSet[_Held] = weakref.WeakSet()
        self._generation = database.generation
        _readers.add(self)

    def row(self, key_id: str) -> Row | None:
        """The row of a key, or None where there is none.

        Raises:
            DatabaseError: neither the held connection nor a new one can read it.
        """
        try:
            found: Row | None = self._local.fetch(key_id)
        except (AttributeError, self._driver_error):
            # No connection yet, or a dead one.
            return self._reconnect(key_id)
        return found

    def recheck(self) -> None:
        """Notice a file that was deleted or replaced; to be called about once a second.

        Raises:
            DatabaseVanished: there is no file any more.
        """
        try:
            self._database.check_place()
        finally:
            if self._generation != self._database.generation:
                self._generation = self._database.generation
                self._local = threading.local()

    def close(self) -> None:
        """Close every thread's connection."""
        self._local = threading.local()
        for held in list(self._open):
            held.close()

    def forget_parent(self) -> None:
        """After a fork: leave the parent's connections to the parent."""
        _abandoned.extend([self._local, *self._open])
        self._local = threading.local()
        self._open = weakref.WeakSet()
        self._database.forget_parent()

    def _reconnect(self, key_id: str) -> Row | None:
        local = self._local
        local.__dict__.clear()
        held = _Held(self._database.hold())
        fetch = _fetcher(held.driver.execute, self._sql, positional=self._positional)
        with self._database.named_errors():
            row = fetch(key_id)
        self._open.add(held)
        local.held, local.fetch = held, fetch
        return row


def _fetcher(
    execute: Callable[..., Any], sql: str, *, positional: bool
) -> Callable[[str], Row | None]:
    """The shortest way from an id to a row that each driver offers."""

    def fetch(key_id: str) -> Row | None:
        row: Row | None = execute(sql, (key_id,)).fetchone()
        return row

    def fetch_prepared(key_id: str) -> Row | None:
        row: Row | None = execute(sql, {"key_id": key_id}, prepare=True).fetchone()
        return row

    return fetch if positional else fetch_prepared


def _forget_parents() -> None:
    for reader in list(_readers):
        reader.forget_parent()


os.register_at_fork(after_in_child=_forget_parents)
