"""Leaks: one incident per key, and the evidence for it, each piece kept once.

The steps are composed inside `KeyStore.begin()` together with the revocation they justify.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Row, func, insert, select, update

from keyfuse_rules.redact import scrub
from keyfuse_store import fields
from keyfuse_store.audit import AuditLog
from keyfuse_store.model import Key
from keyfuse_store.schema import leak_evidence, leaks
from keyfuse_store.times import rfc3339

LeakAction = Literal["notify", "quarantine", "revoke"]
LeakState = Literal["open", "notified", "undeliverable", "resolved"]
Trust = Literal["signed", "scan", "possession"]

URL_MAX = 2000
SOURCE_MAX = 120
# Anyone who holds a leaked key may report it for ever, under ever new URLs.
EVIDENCE_MAX = 100

_STRENGTH: dict[str, int] = {"notify": 0, "quarantine": 1, "revoke": 2}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One report of one leaked key.

    Attributes:
        origin: Who reports: `github`, `report`, `scan`.
        trust: `signed` by the origin, found by a `scan` of ours, or mere `possession` of the key.
        source: What kind of place, in the reporter's words.
        url: Where, in the reporter's words; unverified unless trust says otherwise.
        claimed_us: When it is said to have leaked, in epoch microseconds.
    """

    origin: str
    trust: Trust
    source: str | None = None
    url: str | None = None
    claimed_us: int | None = None


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


@dataclass(frozen=True, slots=True)
class KeptEvidence:
    """Evidence as the database keeps it."""

    evidence: Evidence
    receipt_id: str
    seen_us: int


class Recorded(NamedTuple):
    """What a report added: an incident, a piece of evidence, or nothing."""

    leak: Leak
    new_leak: bool
    new_evidence: bool


def record(
    connection: Connection,
    audit: AuditLog,
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
    new_evidence = _keep(connection, leak.id, evidence, receipt_id, at)
    if new_leak or new_evidence:
        audit.append(
            connection,
            action="leak.recorded",
            actor=actor,
            subject=key.id,
            at=at,
            detail={"leak": leak.id, "from": evidence.origin, "source": _source(evidence)},
            origin=origin,
        )
    return Recorded(get(connection, leak.id) or leak, new_leak, new_evidence)


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
    limit: int = 100,
) -> list[Leak]:
    """A page of incidents in the order of their ids, after the id `after`.

    With `receipt_id` and `owner_id`: what one delivery opened for one owner.
    """
    rows = select(leaks).order_by(leaks.c.id).limit(limit)
    if receipt_id is not None:
        rows = rows.where(leaks.c.receipt_id == receipt_id)
    if owner_id is not None:
        rows = rows.where(leaks.c.owner_id == owner_id)
    if state is not None:
        rows = rows.where(leaks.c.state == state)
    if after is not None:
        rows = rows.where(leaks.c.id > after)
    return [_leak(row) for row in connection.execute(rows)]


def evidence_of(connection: Connection, leak_id: str) -> list[KeptEvidence]:
    """All evidence of an incident, oldest first."""
    rows = (
        select(leak_evidence)
        .where(leak_evidence.c.leak_id == leak_id)
        .order_by(leak_evidence.c.seen_at, leak_evidence.c.digest)
    )
    return [
        KeptEvidence(
            Evidence(row.origin, row.trust, row.source, row.url, row.claimed_at),
            row.receipt_id,
            row.seen_at,
        )
        for row in connection.execute(rows)
    ]


def mark(connection: Connection, leak_id: str, state: LeakState) -> bool:
    """Set how far the response has come; False where it was there already."""
    step = update(leaks).where(leaks.c.id == leak_id, leaks.c.state != state).values(state=state)
    return bool(connection.execute(step).rowcount)


def _keep(
    connection: Connection, leak_id: str, evidence: Evidence, receipt_id: str, at: int
) -> bool:
    url = None if evidence.url is None else scrub(evidence.url)[:URL_MAX]
    digest = hashlib.sha256(
        fields.as_json("evidence", {"of": [evidence.origin, _source(evidence), url]}).encode()
    ).digest()
    of_leak = leak_evidence.c.leak_id == leak_id
    same = select(leak_evidence.c.digest).where(of_leak, leak_evidence.c.digest == digest)
    if connection.execute(same).first() is not None:
        return False
    alike = select(func.count()).where(of_leak, leak_evidence.c.trust == evidence.trust)
    if (connection.scalar(alike) or 0) >= EVIDENCE_MAX:
        return False
    row = {
        "leak_id": leak_id,
        "digest": digest,
        "origin": evidence.origin,
        "source": _source(evidence),
        "url": url,
        "trust": evidence.trust,
        "receipt_id": receipt_id,
        "claimed_at": evidence.claimed_us,
        "seen_at": at,
    }
    connection.execute(insert(leak_evidence).values(row))
    return True


def _source(evidence: Evidence) -> str | None:
    return None if evidence.source is None else scrub(evidence.source)[:SOURCE_MAX]


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
