"""Is the store fit to serve: schema, peppers, and a commit that gets through?

Verification only reads, and goes on through a lock or a full disk. But a store that cannot write
cannot kill a leaked key, and whoever asks for its readiness must hear that.
"""

import shutil

from sqlalchemy import update

from keyfuse_store import peppers, revisions
from keyfuse_store.database import Database
from keyfuse_store.errors import (
    DatabaseDamaged,
    DatabaseFull,
    DatabaseLocked,
    DatabaseOutdated,
    DatabaseReadOnly,
    DatabaseTooNew,
    DatabaseVanished,
    PepperError,
    StoreError,
)
from keyfuse_store.peppers import PepperRing
from keyfuse_store.schema import audit_head

# A SQLite log that has grown before takes a small commit on a full disk, but not a larger one.
FREE_MIN = 2 * 1024 * 1024

_REASONS: dict[type[StoreError], str] = {
    DatabaseLocked: "locked",
    DatabaseFull: "full",
    DatabaseReadOnly: "read_only",
    DatabaseVanished: "vanished",
    DatabaseDamaged: "damaged",
    DatabaseTooNew: "too_new",
    DatabaseOutdated: "outdated",
    PepperError: "peppers",
}


def check(database: Database, ring: PepperRing) -> None:
    """Make sure that keys can be verified and killed at this moment.

    Raises:
        PepperError: the peppers at hand are not those of this database.
        DatabaseError: it is locked, full, read-only, gone, damaged or of another schema.
    """
    revisions.check(database)
    with database.read() as connection:
        peppers.unregistered(ring, peppers.registered(connection))
    # A row that every change writes anyway: what can write it can record a revocation.
    with database.begin() as connection:
        if not connection.execute(update(audit_head).values(seq=audit_head.c.seq)).rowcount:
            raise DatabaseDamaged("the audit record has lost its head; restore a backup")
    if database.path is not None and shutil.disk_usage(database.path.parent).free < FREE_MIN:
        raise DatabaseFull(f"database {database.place} is full; free some disk space")


def reason(error: StoreError) -> str:
    """One stable word for what `check` found, for machines and metrics."""
    return _REASONS.get(type(error), "unusable")
