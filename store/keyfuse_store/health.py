"""Examine a database: schema, peppers, audit chain, file."""

from dataclasses import dataclass

from sqlalchemy import Connection, select, text

from keyfuse_store import audit, peppers, revisions
from keyfuse_store.database import Database, open_database
from keyfuse_store.opening import open_ring
from keyfuse_store.peppers import PepperRing
from keyfuse_store.schema import keys
from keyfuse_store.settings import Settings
from keyfuse_store.times import system_clock

LOST_MAX = 1000


@dataclass(frozen=True, slots=True)
class Health:
    """What was found.

    Attributes:
        database: The file or the server.
        schema: The revision of the schema.
        peppers: The versions at hand.
        lost_peppers: Versions that are not at hand, and how many living keys hang on each.
        lost_keys: The ids of those keys, of the first `LOST_MAX`.
        audit_entries: How many entries of the audit record were checked.
        problems: One line for each thing that is wrong.
    """

    database: str
    schema: str
    peppers: tuple[int, ...]
    lost_peppers: dict[int, int]
    lost_keys: tuple[str, ...]
    audit_entries: int
    problems: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """The result as programs see it."""
        return {
            "ok": not self.problems,
            "database": self.database,
            "schema": self.schema,
            "peppers": self.peppers,
            "lost_peppers": {str(version): count for version, count in self.lost_peppers.items()},
            "lost_keys": self.lost_keys,
            "audit_entries": self.audit_entries,
            "problems": self.problems,
        }


def examine(settings: Settings) -> Health:
    """Look at everything that can be wrong with a database that can be opened.

    Raises:
        StoreError: it cannot be opened at all, or is of another schema.
    """
    database = open_database(settings.database_url, create=False)
    try:
        revisions.check(database)
        ring = open_ring(database, settings, None, system_clock())
        return _examine(database, ring)
    finally:
        database.close()


def _examine(database: Database, ring: PepperRing) -> Health:
    with database.read() as connection:
        used = peppers.usage(connection)
        lost_keys = _lost_keys(connection, ring)
        chain = audit.verify_chain(connection, ring)
        damage = _damage(connection) if database.embedded else None
    lost = {version: count for version, count in used.items() if ring.get(version) is None}
    problems = [
        f"{count} keys need pepper {version}, which is not at hand: they answer 'unavailable'"
        for version, count in sorted(lost.items())
    ]
    if chain.problem is not None:
        problems.append(f"audit record: {chain.problem}")
    if damage is not None:
        problems.append(f"the file is damaged: {damage}")
    return Health(
        database=database.place,
        schema=revisions.REVISIONS[-1],
        peppers=ring.versions,
        lost_peppers=lost,
        lost_keys=lost_keys,
        audit_entries=chain.checked,
        problems=tuple(problems),
    )


def _lost_keys(connection: Connection, ring: PepperRing) -> tuple[str, ...]:
    """Living keys whose pepper is not at hand."""
    lost = (
        select(keys.c.id)
        .where(keys.c.pepper_version.not_in(ring.versions), keys.c.state != "revoked")
        .order_by(keys.c.pepper_version, keys.c.id)
        .limit(LOST_MAX)
    )
    return tuple(connection.scalars(lost))


def _damage(connection: Connection) -> str | None:
    """The first thing SQLite finds wrong with its file."""
    found = str(connection.scalar(text("PRAGMA quick_check(1)")))
    return None if found == "ok" else found
