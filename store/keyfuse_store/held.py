"""Driver connections held open, one per thread, and statements compiled once to run on them.

A pooled connection of SQLAlchemy costs five times what a look-up does, so the two hot paths
(reading a key, counting a rate limit) take SQLAlchemy's SQL and run it themselves.
"""

import os
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from sqlalchemy import Executable
from sqlalchemy.sql.elements import ClauseElement

from keyfuse_store.database import Database

T = TypeVar("T")

# Connections of a parent process: kept so that nothing in the child closes them.
_abandoned: list[object] = []
_living: weakref.WeakSet["PerThread[Any]"] = weakref.WeakSet()


class PerThread(Generic[T]):
    """Something built around a driver connection that each thread has for itself.

    Attributes:
        local: Its `value` is this thread's, once `renew` has made it.
    """

    def __init__(
        self, database: Database, connect: Callable[[], Any], build: Callable[[Any], T]
    ) -> None:
        self._database = database
        self._connect = connect
        self._build = build
        self._open: weakref.WeakSet[_Held] = weakref.WeakSet()
        self.local = threading.local()
        _living.add(self)

    def renew(self) -> T:
        """Open a connection in the place of this thread's, if it has one.

        Raises:
            DatabaseError: it cannot be opened.
        """
        local = self.local
        local.__dict__.clear()
        held = _Held(self._connect())
        self._open.add(held)
        value = self._build(held.driver)
        local.held, local.value = held, value
        return value

    def forget(self) -> None:
        """Let every thread open a new connection."""
        self.local = threading.local()

    def close(self) -> None:
        """Close every thread's connection."""
        self.forget()
        for held in list(self._open):
            held.close()

    def forget_parent(self) -> None:
        """After a fork: leave the parent's connections to the parent."""
        _abandoned.extend([self.local, *self._open])
        self._open = weakref.WeakSet()
        self.forget()
        self._database.forget_parent()


class _Held:
    """One thread's connection, closed when the thread ends or its owner does."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.close = weakref.finalize(self, driver.close)


class Statement:
    """A statement as the driver of a database takes it."""

    def __init__(self, database: Database, statement: Executable) -> None:
        assert isinstance(statement, ClauseElement)
        compiled = statement.compile(dialect=database.engine.dialect)
        self.sql = str(compiled)
        # The names in their order where the driver wants values by place, as SQLite's does.
        self.order: tuple[str, ...] | None = (
            tuple(compiled.positiontup or ()) if compiled.positional else None  # type: ignore[attr-defined]  # of SQLCompiler
        )

    def run(self, driver: Any, values: Mapping[str, object]) -> Any:
        """Run it and return the driver's cursor."""
        if self.order is None:
            return driver.execute(self.sql, values, prepare=True)
        return driver.execute(self.sql, [values[name] for name in self.order])


def _forget_parents() -> None:
    for one in list(_living):
        one.forget_parent()


os.register_at_fork(after_in_child=_forget_parents)
