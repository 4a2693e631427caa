"""What an open store is: a database, its peppers, its audit record, and the time of day."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypedDict

from sqlalchemy import Connection, select

from keyfuse_store import readiness
from keyfuse_store.audit import AuditLog
from keyfuse_store.database import Database
from keyfuse_store.legacy import LegacyKeys
from keyfuse_store.peppers import PepperRing
from keyfuse_store.schema import audit_head
from keyfuse_store.settings import Settings
from keyfuse_store.times import Clock, system_clock


class By(TypedDict):
    """What every entry of the audit record says: who, when, and from which address."""

    actor: str
    at: int
    origin: str | None


class OpenStore:
    """The part of a `KeyStore` that the others stand on."""

    def __init__(
        self,
        database: Database,
        ring: PepperRing,
        settings: Settings,
        clock: Clock = system_clock,
        token_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.database = database
        self.settings = settings
        self.peppers = ring
        self.audit = AuditLog(ring)
        self.clock = clock
        self.catalogue = settings.scopes
        self._legacy = LegacyKeys(settings.key_types, ring)
        self._token_bytes = token_bytes

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One durable write transaction to compose steps in (see `Database.begin`).

        Changes happen one at a time in all processes, on SQLite by its one writer and on
        PostgreSQL by the head of the audit record: what a step has looked up still holds when it
        writes, and two of them never wait for each other.
        """
        with self.database.begin() as connection:
            if not self.database.embedded:
                connection.execute(select(audit_head.c.id).with_for_update())
            yield connection

    def read(self) -> AbstractContextManager[Connection]:
        """One consistent view of the database (see `Database.read`)."""
        return self.database.read()

    def check(self) -> None:
        """Make sure that keys can be verified and revoked at this moment; for a readiness probe.

        Raises:
            PepperError: the peppers at hand are not those of this database.
            DatabaseError: the database is locked, full, read-only, gone, or does not fit this code.
        """
        readiness.check(self.database, self.peppers)

    def _by(self, actor: str, origin: str | None) -> By:
        return {"actor": actor, "at": self.clock(), "origin": origin}
