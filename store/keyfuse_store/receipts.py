"""Receipts: one row per delivery of leak reports, open while its batches are being committed.

A notification waits for its receipt to close, so that one mail names every key of a delivery.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from keyfuse_store.leak_schema import receipts as table


@dataclass(frozen=True, slots=True)
class Receipt:
    """One delivery; `closed_us` is None while it is being worked on."""

    id: str
    origin: str
    opened_us: int
    closed_us: int | None


def open_receipt(connection: Connection, receipt_id: str, *, origin: str, at: int) -> bool:
    """Note that a delivery has begun; False where it is known already."""
    if get(connection, receipt_id) is not None:
        return False
    row = {"id": receipt_id, "origin": origin, "opened_at": at}
    connection.execute(insert(table).values(row))
    return True


def close_receipt(connection: Connection, receipt_id: str, *, at: int) -> bool:
    """Note that a delivery is complete; False where it is closed already or unknown."""
    unclosed = update(table).where(table.c.id == receipt_id, table.c.closed_at.is_(None))
    return bool(connection.execute(unclosed.values(closed_at=at)).rowcount)


def get(connection: Connection, receipt_id: str) -> Receipt | None:
    """The receipt with this id."""
    row = connection.execute(select(table).where(table.c.id == receipt_id)).one_or_none()
    if row is None:
        return None
    return Receipt(row.id, row.origin, row.opened_at, row.closed_at)
