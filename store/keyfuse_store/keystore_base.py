"""What an open store is: a database, its peppers, its audit record, and the time of day."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypedDict

from sqlalchemy import Connection, select

from keyfuse_store import fields, readiness
from keyfuse_store.audit import AuditLog
from keyfuse_store.database import Database
from keyfuse_store.legacy import LegacyKeys
from keyfuse_store.model import Key
from keyfuse_store.peppers import PepperRing
from keyfuse_store.principal import Principal, acting
from keyfuse_store.schema import audit_head
from keyfuse_store.settings import Settings
from keyfuse_store.times import Clock, system_clock

Actor = str | Principal
"""Who changes something: trusted code by a name of its own, or the holder of a management key.

A principal can do no more than his key allows, whatever the caller has checked, and whatever it
allowed a moment ago: it is looked at again in the transaction of the change.
"""

_KEYS_WRITE = "keyfuse:keys.write"


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
        *,
        actor: str = "api",
    ) -> None:
        self.database = database
        self.settings = settings
        self.peppers = ring
        self.audit = AuditLog(ring)
        self.clock = clock
        self.catalogue = settings.scopes
        self._legacy = LegacyKeys(settings.key_types, ring)
        self._token_bytes = token_bytes
        self._actor = actor

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

    def acting(
        self,
        connection: Connection,
        actor: Actor | None,
        origin: str | None,
        scope: str = _KEYS_WRITE,
    ) -> Actor:
        """Whoever is about to change something, as the transaction of the change sees him.

        Raises:
            NotPermitted: he is a principal, and does not hold the scope (any more).
        """
        if isinstance(actor, Principal):
            return acting(connection, actor, scope, address=origin, at=self.clock())
        return self._actor if actor is None else actor

    def by(self, actor: Actor, origin: str | None) -> By:
        """What the audit record keeps of whoever acts, now.

        Raises:
            InvalidField: the actor or the origin is not text.
        """
        name = actor.actor if isinstance(actor, Principal) else fields.text("actor", actor)
        place = None if origin is None else fields.text("origin", origin)
        return {"actor": name, "at": self.clock(), "origin": place}

    def _permit(self, actor: Actor, key: Key) -> None:
        """Make sure that this one may touch a key, which is as the present transaction sees it.

        Raises:
            NotPermitted: he may not; whatever was changed is undone with the transaction.
        """
        if isinstance(actor, Principal):
            actor.check_touch(key)
