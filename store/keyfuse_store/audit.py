"""The append-only record of who changed what, chained so that no row can be altered unseen.

Each entry is linked to the one before it (`chain`) and is written in the transaction of its
change: neither exists without the other.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from keyfuse_rules.redact import scrub
from keyfuse_store.audit_changes import Change, Gathering
from keyfuse_store.chain import ChainReport, Head, chain_key, check, link
from keyfuse_store.errors import DatabaseDamaged
from keyfuse_store.fields import ACTOR_MAX, as_json, shown
from keyfuse_store.peppers import PepperRing
from keyfuse_store.schema import audit as table
from keyfuse_store.schema import audit_head as head_table
from keyfuse_store.times import rfc3339

_PAGE = 1000

log = logging.getLogger(__name__)


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


class AuditLog:
    """Appends to the record with keys derived from a ring of peppers."""

    def __init__(self, ring: PepperRing) -> None:
        self._version = ring.current
        self._key = chain_key(ring, ring.current)

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
        return self.append_all(
            connection, [Change(action, subject, detail or {})], actor=actor, at=at, origin=origin
        )

    def append_all(
        self,
        connection: Connection,
        changes: Sequence[Change],
        *,
        actor: str,
        at: int,
        origin: str | None = None,
    ) -> int:
        """Append an entry for each change, as `append` does, and return the last number."""
        last = connection.execute(
            select(head_table.c.seq, head_table.c.mac).with_for_update()
        ).one_or_none()
        if last is None:
            raise DatabaseDamaged("the audit record has lost its head; restore a backup")
        mac = last.mac
        rows: list[dict[str, object]] = []
        for seq, change in enumerate(changes, last.seq + 1):
            row: dict[str, object] = {
                "seq": seq,
                "at": at,
                "actor": shown(actor, ACTOR_MAX),
                "origin": None if origin is None else shown(origin, ACTOR_MAX),
                "action": change.action,
                "subject": shown(change.subject, ACTOR_MAX),
                "detail": scrub(as_json("detail", change.detail)),
                "pepper_version": self._version,
            }
            mac = link(self._key, mac, row)
            rows.append(row | {"mac": mac})
        end = int(last.seq) + len(rows)
        if rows:
            connection.execute(insert(table), rows)
            connection.execute(update(head_table).values(seq=end, mac=mac))
        return end

    @contextmanager
    def gathering(self, connection: Connection) -> Iterator[Gathering]:
        """Append what the block appends together, at its end; nothing if the block fails.

        For transactions with many changes: each write looks at the head of the chain and moves it.
        """
        gathered = Gathering()
        yield gathered
        for (actor, at, origin), entries in groupby(gathered.entries, key=lambda one: one[0]):
            changes = [change for _, change in entries]
            self.append_all(connection, changes, actor=actor, at=at, origin=origin)


def entries(
    connection: Connection,
    *,
    subject: str | None = None,
    action: str | None = None,
    actor: str | None = None,
    since: int | None = None,
    after: int | None = None,
    newest_first: bool = False,
    limit: int = 100,
) -> list[AuditEntry]:
    """A page of the record, oldest first or newest first, after entry number `after`.

    With `since`: nothing from before that moment (epoch microseconds).
    """
    seq = table.c.seq
    found = select(table).order_by(seq.desc() if newest_first else seq).limit(limit)
    if after is not None:
        found = found.where(seq < after if newest_first else seq > after)
    wanted = ((table.c.subject, subject), (table.c.action, action), (table.c.actor, actor))
    for column, value in wanted:
        if value is not None:
            found = found.where(column == value)
    if since is not None:
        # Entries stand in the order of time but for clocks that were set back: the number of the
        # first one, out of an index, spares reading all that are older.
        first = select(func.min(seq)).where(table.c.at >= since).scalar_subquery()
        found = found.where(table.c.at >= since, seq >= first)
    return [_entry(row) for row in connection.execute(found)]


def page(connection: Connection, *, after: int = 0, limit: int = _PAGE) -> Sequence[Row[Any]]:
    """Whole rows, oldest first, after entry number `after`."""
    return connection.execute(
        select(table).where(table.c.seq > after).order_by(table.c.seq).limit(limit)
    ).all()


def rows(connection: Connection) -> Iterator[Row[Any]]:
    """Every row of the record, oldest first, read in pages."""
    after = 0
    while True:
        found = page(connection, after=after)
        yield from found
        if len(found) < _PAGE:
            return
        after = found[-1].seq


def head(connection: Connection) -> Head | None:
    """Where the record ends; None where even that was deleted. Worth noting elsewhere."""
    row = connection.execute(select(head_table.c.seq, head_table.c.mac)).one_or_none()
    return None if row is None else Head(row.seq, row.mac)


def note_head(connection: Connection) -> None:
    """Write to the log where the record ends: by this a record is known that was cut later."""
    found = head(connection)
    if found is None:
        log.error("the audit record has lost its head; restore a backup")
    else:
        log.info("the audit record ends at %s", found)


def verify_chain(
    connection: Connection, ring: PepperRing, heads: Sequence[Head] = ()
) -> ChainReport:
    """Recompute the whole record against its own head and those that were noted elsewhere."""
    report, last = check((row._asdict() for row in rows(connection)), ring, heads)
    if report.problem is None and head(connection) != last:
        return ChainReport(last.seq, f"entries after {last.seq} are missing")
    return report


def verify_part(
    connection: Connection,
    ring: PepperRing,
    start: Head,
    heads: Sequence[Head] = (),
    *,
    limit: int = _PAGE,
) -> tuple[ChainReport, Head, bool]:
    """The same for the entries after `start`, an end that was found to be right before.

    Returns:
        What was found, the last entry that is right, and whether there are entries after it.
    """
    found = page(connection, after=start.seq, limit=limit)
    end = head(connection)
    more = end is not None and bool(found) and found[-1].seq < end.seq
    # Noted heads beyond this part are for the parts to come; in the last one they are missed.
    reach = found[-1].seq if more else None
    noted = [one for one in heads if one.seq > start.seq and (reach is None or one.seq <= reach)]
    report, last = check((row._asdict() for row in found), ring, noted, start)
    if report.problem is None and not more and end != last:
        report = ChainReport(last.seq, f"entries after {last.seq} are missing")
    return report, last, more and report.problem is None


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
