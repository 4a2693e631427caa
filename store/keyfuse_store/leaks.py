"""Leaks: one incident per key, and the evidence for it, each piece kept once.

The steps are composed inside `KeyStore.begin()` together with the revocation they justify.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Row, insert, select, tuple_, update

from keyfuse_store.audit_changes import Appends
from keyfuse_store.errors import LeakNotFound
from keyfuse_store.evidence import Evidence, keep, shown_source
from keyfuse_store.leak_schema import leaks
from keyfuse_store.model import Key
from keyfuse_store.times import rfc3339

LeakAction = Literal["notify", "quarantine", "revoke"]
LeakState = Literal["open", "notified", "undeliverable", "resolved"]
_STRENGTH: dict[str, int] = {"notify": 0, "quarantine": 1, "revoke": 2}


@dataclass(frozen=True, slots=True)
class Leak:
    """The incident of one leaked key.

    Attributes:
        receipt_id: The delivery that opened it.
        action: The strongest that was done about it.
    """

    id: str
    key_id: str
    owner_id: str
    receipt_id: str
    action: LeakAction
    state: LeakState
    first_seen_us: int

    def as_json(self) -> dict[str, object]:
        """The incident as programs see it."""
        return {
            "id": self.id,
            "key_id": self.key_id,
            "owner_id": self.owner_id,
            "action": self.action,
            "state": self.state,
            "first_seen": rfc3339(self.first_seen_us),
        }


class Recorded(NamedTuple):
    """What a report added: an incident, a piece of evidence, or nothing."""

    leak: Leak
    new_leak: bool
    new_evidence: bool


def record(
    connection: Connection,
    audit: Appends,
    key: Key,
    evidence: Evidence,
    *,
    action: LeakAction,
    receipt_id: str,
    actor: str,
    at: int,
    origin: str | None = None,
    token_bytes: Callable[[int], bytes] = os.urandom,
) -> Recorded:
    """Record a report inside the caller's write transaction.

    The same report again adds nothing. A stronger action than before is remembered.
    """
    leak = for_key(connection, key.id)
    new_leak = leak is None
    if leak is None:
        leak_id = f"leak_{token_bytes(8).hex()}"
        leak = Leak(leak_id, key.id, key.owner_id, receipt_id, action, "open", at)
        connection.execute(insert(leaks).values(_columns(leak)))
    elif _STRENGTH[action] > _STRENGTH[leak.action]:
        where = leaks.c.id == leak.id
        connection.execute(update(leaks).where(where).values(action=action))
        leak = replace(leak, action=action)
    new_evidence = keep(connection, leak.id, evidence, receipt_id, at, first=new_leak)
    if new_leak or new_evidence:
        audit.append(
            connection,
            action="leak.recorded",
            actor=actor,
            subject=key.id,
            at=at,
            detail={"leak": leak.id, "from": evidence.origin, "source": shown_source(evidence)},
            origin=origin,
        )
    return Recorded(leak, new_leak, new_evidence)


def get(connection: Connection, leak_id: str) -> Leak | None:
    """The incident with this id."""
    row = connection.execute(select(leaks).where(leaks.c.id == leak_id)).one_or_none()
    return None if row is None else _leak(row)


def for_key(connection: Connection, key_id: str) -> Leak | None:
    """The incident of a key."""
    row = connection.execute(select(leaks).where(leaks.c.key_id == key_id)).one_or_none()
    return None if row is None else _leak(row)


def page(
    connection: Connection,
    *,
    receipt_id: str | None = None,
    owner_id: str | None = None,
    state: LeakState | None = None,
    after: str | None = None,
    newest_first: bool = False,
    limit: int = 100,
) -> list[Leak]:
    """A page of incidents, oldest first or newest first, after the one with the id `after`.

    With `receipt_id` and `owner_id`: what one delivery opened for one owner.

    Raises:
        LeakNotFound: the incident `after` does not exist.
    """
    place = (leaks.c.first_seen_at, leaks.c.id)
    order = [column.desc() for column in place] if newest_first else place
    rows = select(leaks).order_by(*order).limit(limit)
    if receipt_id is not None:
        rows = rows.where(leaks.c.receipt_id == receipt_id)
    if owner_id is not None:
        rows = rows.where(leaks.c.owner_id == owner_id)
    if state is not None:
        rows = rows.where(leaks.c.state == state)
    if after is not None:
        last = get(connection, after)
        if last is None:
            raise LeakNotFound(after)
        here = (last.first_seen_us, last.id)
        rows = rows.where(tuple_(*place) < here if newest_first else tuple_(*place) > here)
    return [_leak(row) for row in connection.execute(rows)]


def mark(connection: Connection, leak_id: str, state: LeakState) -> bool:
    """Set how far the response has come; False where it was there already."""
    step = update(leaks).where(leaks.c.id == leak_id, leaks.c.state != state).values(state=state)
    return bool(connection.execute(step).rowcount)


def _columns(leak: Leak) -> dict[str, object]:
    return {
        "id": leak.id,
        "key_id": leak.key_id,
        "owner_id": leak.owner_id,
        "receipt_id": leak.receipt_id,
        "action": leak.action,
        "state": leak.state,
        "first_seen_at": leak.first_seen_us,
    }


def _leak(row: Row[Any]) -> Leak:
    return Leak(
        row.id,
        row.key_id,
        row.owner_id,
        row.receipt_id,
        row.action,
        row.state,
        row.first_seen_at,
    )
