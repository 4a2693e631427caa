"""Warn owners before their keys end: which keys, and that each is warned of once.

A warning is due `within` before the end, or in the last quarter of a shorter life. Keys that live
less than a day are renewed by programs, which read no mail. A key that was rotated needs no
warning, a suspended one none until it is resumed; a changed end is warned of anew.
"""

from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import Connection, update

from keyfuse_store import keys
from keyfuse_store.audit import AuditLog
from keyfuse_store.audit_changes import Change
from keyfuse_store.model import Key
from keyfuse_store.schema import keys as table
from keyfuse_store.times import SECOND

DAY = 86_400 * SECOND


class Expiring(NamedTuple):
    """What one owner is to be warned of, soonest first."""

    owner_id: str
    keys: tuple[Key, ...]


def expiring(connection: Connection, *, at: int, within: timedelta, limit: int = 500) -> list[Key]:
    """The keys that a warning is due for and was not given, soonest first."""
    life = table.c.expires_at - table.c.created_at
    left = table.c.expires_at - at
    found = (
        keys.select_keys()
        .where(
            table.c.expires_at > at,
            table.c.expires_at <= at + within // timedelta(microseconds=1),
            life >= DAY,
            left * 4 <= life,
            table.c.state.in_(("active", "quarantined")),
            table.c.successor_id.is_(None),
            table.c.expiry_warned_at.is_(None),
        )
        .order_by(table.c.expires_at, table.c.id)
        .limit(limit)
    )
    return [Key(*row) for row in connection.execute(found)]


def take_expiring(
    connection: Connection,
    audit: AuditLog,
    *,
    at: int,
    within: timedelta,
    actor: str = "keyfuse",
    limit: int = 500,
) -> list[Expiring]:
    """Mark the keys that a warning is due for, and give them by owner.

    Whoever enqueues the warnings in the same transaction gives each of them once, whatever
    crashes and however many processes do this.
    """
    by_owner: dict[str, list[Key]] = {}
    for key in expiring(connection, at=at, within=within, limit=limit):
        unmarked = update(table).where(table.c.id == key.id, table.c.expiry_warned_at.is_(None))
        if connection.execute(unmarked.values(expiry_warned_at=at)).rowcount:
            by_owner.setdefault(key.owner_id, []).append(key)
    due = [Expiring(owner, tuple(found)) for owner, found in by_owner.items()]
    entries = [
        Change("owner.expiry_warning", one.owner_id, {"keys": [key.id for key in one.keys]})
        for one in due
    ]
    audit.append_all(connection, entries, actor=actor, at=at)
    return due
