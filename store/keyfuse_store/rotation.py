"""Rotation: a successor takes over, and for a while both keys work.

A rotation renews the secret and nothing else: the successor has its predecessor's owner, name,
scopes, limits and end. Whatever happens to one half afterwards does not touch the other.

    active, quarantined        may be rotated, once; a successor is never in quarantine
    suspended                  not before it is resumed: rotating would lift the suspension
    revoked, expired, rotated  no more
    not yet valid              may be rotated; the successor begins when it would have begun

The predecessor ends with the overlap or with its own expiry, whichever comes first.
"""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, update

from keyfuse_store import issue, keys, validity
from keyfuse_store.audit import AuditLog
from keyfuse_store.audit_changes import Change
from keyfuse_store.errors import InvalidField, StateConflict
from keyfuse_store.model import Rotated
from keyfuse_store.peppers import PepperRing
from keyfuse_store.schema import keys as table
from keyfuse_store.times import micros, rfc3339

OVERLAP_MAX = timedelta(days=366)

# What is not here begins anew: id, digest, state, use, and the warning before the end.
_INHERITED = (
    "prefix",
    "owner_id",
    "name",
    "meta",
    "scopes",
    "addresses",
    "rate_limit",
    "quota",
    "not_before",
    "expires_at",
)


def rotate(
    connection: Connection,
    audit: AuditLog,
    ring: PepperRing,
    key_id: str,
    *,
    overlap: timedelta,
    expires_at: datetime | None = None,
    expires_in: timedelta | None = None,
    actor: str,
    at: int,
    origin: str | None = None,
    token_bytes: Callable[[int], bytes] = os.urandom,
) -> Rotated:
    """Issue a successor, and let the key live beside it for the overlap.

    Args:
        connection: Inside the caller's write transaction.
        audit: Where both changes are written down.
        ring: The peppers; the successor gets the newest.
        key_id: The key to be replaced.
        overlap: How long the key remains valid; nothing at all is allowed.
        expires_at: When the successor ends; its predecessor's end if neither is given.
        expires_in: How long the successor is to be valid, from its beginning.
        actor: Who does this.
        at: The present time in epoch microseconds.
        origin: From which address.
        token_bytes: The random source.

    Raises:
        KeyNotFound: there is no such key.
        StateConflict: the key is revoked, suspended, expired, or was rotated before.
        InvalidField: the overlap or the end is out of range.
    """
    length = micros("overlap", overlap)
    if not timedelta(0) <= overlap <= OVERLAP_MAX:
        raise InvalidField("overlap", f"must be from nothing to {OVERLAP_MAX.days} days")
    row = _predecessor(connection, key_id, at)
    successor = {name: row[name] for name in _INHERITED} | {
        "state": "active",
        "created_at": at,
        "predecessor_id": key_id,
    }
    if expires_at is not None or expires_in is not None:
        successor["expires_at"] = validity.end(
            row["not_before"], at, expires_at=expires_at, expires_in=expires_in
        )
    (drawn,) = issue.write(connection, ring, [successor], token_bytes)
    until = at + length
    if row["expires_at"] is not None:
        until = min(until, row["expires_at"])
    handed_over = {"successor_id": drawn.key_id, "overlap_until": until}
    connection.execute(update(table).where(table.c.id == key_id).values(handed_over))
    ended = {"successor": drawn.key_id, "overlap_until": rfc3339(until)}
    begun = {"predecessor": key_id, "expires": rfc3339(successor["expires_at"])}
    changes = [Change("key.rotated", key_id, ended), Change("key.issued", drawn.key_id, begun)]
    audit.append_all(connection, changes, actor=actor, at=at, origin=origin)
    return Rotated(drawn.token, *keys.get_all(connection, [drawn.key_id, key_id]))


def _predecessor(connection: Connection, key_id: str, at: int) -> dict[str, Any]:
    """The row to be replaced, locked so that nobody else replaces it."""
    row = keys.held(connection, key_id)
    if row.state == "revoked":
        raise StateConflict(f"key {key_id} is revoked; issue a new key")
    if row.successor_id is not None:
        raise StateConflict(f"key {key_id} was rotated before; rotate {row.successor_id}")
    if row.state == "suspended":
        raise StateConflict(f"key {key_id} is suspended; resume it before you rotate it")
    if row.expires_at is not None and at >= row.expires_at:
        raise StateConflict(f"key {key_id} has expired; issue a new key")
    return row._asdict()
