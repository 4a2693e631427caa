"""The append-only record of who changed what, chained so that no row can be altered unseen.

Each row carries HMAC-SHA256(key derived from the pepper, MAC of the row before it + the row).
An entry is written in the transaction of its change: neither exists without the other.
"""

import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, insert, select, update

from keyfuse_rules.redact import scrub
from keyfuse_store.errors import DatabaseDamaged
from keyfuse_store.fields import ACTOR_MAX, as_json
from keyfuse_store.peppers import PepperRing
from keyfuse_store.schema import audit as table
from keyfuse_store.schema import audit_head as head
from keyfuse_store.times import rfc3339

_PURPOSE = b"keyfuse-audit-v1"
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One row of the record.

    Attributes:
        seq: Its number, counting from 1 without gaps.
        at_us: When, in epoch microseconds.
        actor: Who, like `cli:root`, `key:3uGk0aXb2Q` or `github`.
        origin: From which address, if it came over the network.
        action: What, like `key.revoked`.
        subject: To which key, owner or leak: its id.
        detail: What else there is to know; never a secret.
    """

    seq: int
    at_us: int
    actor: str
    origin: str | None
    action: str
    subject: str
    detail: Mapping[str, object]

    def as_json(self) -> dict[str, object]:
        """The entry as programs see it."""
        return {
            "seq": self.seq,
            "at": rfc3339(self.at_us),
            "actor": self.actor,
            "origin": self.origin,
            "action": self.action,
            "subject": self.subject,
            "detail": self.detail,
        }


class ChainReport(NamedTuple):
    """How far the chain holds; `problem` is None where all of it does."""

    checked: int
    problem: str | None


class AuditLog:
    """Appends to the record with keys derived from a ring of peppers."""

    def __init__(self, ring: PepperRing) -> None:
        self._version = ring.current
        self._key = ring.derive(ring.current, _PURPOSE)

    def append(
        self,
        connection: Connection,
        *,
        action: str,
        actor: str,
        subject: str,
        at: int,
        detail: Mapping[str, object] | None = None,
        origin: str | None = None,
    ) -> int:
        """Append one entry inside the caller's write transaction and return its number.

        Key-like text in any of the values is cut before it is written.
        """
        last = connection.execute(select(head.c.seq, head.c.mac).with_for_update()).one_or_none()
        if last is None:
            raise DatabaseDamaged("the audit record has lost its head; restore a backup")
        row: dict[str, object] = {
            "seq": last.seq + 1,
            "at": at,
            "actor": scrub(actor)[:ACTOR_MAX],
            "origin": None if origin is None else scrub(origin)[:ACTOR_MAX],
            "action": action,
            "subject": scrub(subject)[:ACTOR_MAX],
            "detail": scrub(as_json("detail", detail or {})),
            "pepper_version": self._version,
        }
        mac = _mac(self._key, last.mac, row)
        connection.execute(insert(table).values(row | {"mac": mac}))
        connection.execute(update(head).values(seq=last.seq + 1, mac=mac))
        return int(last.seq) + 1


def entries(
    connection: Connection, *, subject: str | None = None, after: int = 0, limit: int = 100
) -> list[AuditEntry]:
    """A page of the record, oldest first, after entry number `after`."""
    rows = select(table).where(table.c.seq > after).order_by(table.c.seq).limit(limit)
    if subject is not None:
        rows = rows.where(table.c.subject == subject)
    return [_entry(row) for row in connection.execute(rows)]


def verify_chain(connection: Connection, ring: PepperRing) -> ChainReport:
    """Recompute the whole chain: a changed, removed, inserted or re-ordered row breaks it."""
    mac, count = bytes(32), 0
    for row in _rows(connection):
        if row.seq != count + 1:
            return ChainReport(count, f"entry {count + 1} is missing")
        if ring.get(row.pepper_version) is None:
            return ChainReport(count, f"entry {row.seq} needs pepper {row.pepper_version}")
        key = ring.derive(row.pepper_version, _PURPOSE)
        if not hmac.compare_digest(_mac(key, mac, row._asdict()), row.mac):
            return ChainReport(count, f"entry {row.seq} is not what was written")
        mac, count = row.mac, row.seq
    last = connection.execute(select(head.c.seq, head.c.mac)).one_or_none()
    if last is None or last.seq != count or last.mac != mac:
        return ChainReport(count, f"entries after {count} are missing")
    return ChainReport(count, None)


def _mac(key: bytes, previous: bytes, row: Mapping[str, object]) -> bytes:
    names = ("seq", "at", "actor", "origin", "action", "subject", "detail", "pepper_version")
    text = json.dumps([row[name] for name in names], separators=(",", ":"))
    return hmac.digest(key, previous + text.encode(), "sha256")


def _rows(connection: Connection) -> Iterator[Row[Any]]:
    after = 0
    while True:
        page = select(table).where(table.c.seq > after).order_by(table.c.seq).limit(_PAGE)
        rows = connection.execute(page).all()
        yield from rows
        if len(rows) < _PAGE:
            return
        after = rows[-1].seq


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry(
        seq=row.seq,
        at_us=row.at,
        actor=row.actor,
        origin=row.origin,
        action=row.action,
        subject=row.subject,
        detail=json.loads(row.detail),
    )
