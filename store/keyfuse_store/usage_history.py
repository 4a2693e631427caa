"""What is known about the use of a key: statistics per hour, and usage events if recorded."""

from typing import NamedTuple

from sqlalchemy import Connection, select

from keyfuse_store import fields
from keyfuse_store.errors import InvalidField
from keyfuse_store.sinks import Call, event_json
from keyfuse_store.times import HOUR, rfc3339
from keyfuse_store.usage_schema import usage_events, usage_hours

PAGE_MAX = 10_000


class Hour(NamedTuple):
    """One hour of one key in which it was used.

    Attributes:
        start: When the hour began, in epoch microseconds.
        valid: How many calls were let through.
        refused: How many were not, the key being proven.
        spent: The cost of those let through.
    """

    start: int
    valid: int
    refused: int
    spent: int

    def as_json(self) -> dict[str, object]:
        """The hour as programs see it."""
        return {
            "hour": rfc3339(self.start),
            "valid": self.valid,
            "refused": self.refused,
            "spent": self.spent,
        }


class Usage(NamedTuple):
    """The use of one key, the latest first in both lists."""

    key_id: str
    hours: tuple[Hour, ...]
    events: tuple[Call, ...]

    def as_json(self) -> dict[str, object]:
        """The use as programs see it."""
        return {
            "key_id": self.key_id,
            "hours": [hour.as_json() for hour in self.hours],
            "events": [event_json(event) for event in self.events],
        }


class UseBetween(NamedTuple):
    """The use of a key between two moments, as far as hours tell.

    Attributes:
        valid: How many calls were let through, at most: whole hours are counted.
        last_us: When the last of them was.
    """

    valid: int
    last_us: int | None


def between(connection: Connection, key_id: str, start: int, end: int) -> UseBetween:
    """How a key was used from `start` to `end` (epoch microseconds).

    An hour whose last valid call was before `start` is left out.
    """
    hours = (
        select(usage_hours.c.valid, usage_hours.c.last_used_at)
        .where(usage_hours.c.key_id == fields.key_id(key_id))
        .where(usage_hours.c.hour > start - HOUR, usage_hours.c.hour <= end)
    )
    rows = [
        row
        for row in connection.execute(hours)
        if row.last_used_at is None or row.last_used_at >= start
    ]
    last = max((row.last_used_at for row in rows if row.last_used_at is not None), default=None)
    return UseBetween(sum(row.valid for row in rows), last)


def of_key(connection: Connection, key_id: str, *, since: int = 0, limit: int = 100) -> Usage:
    """The latest hours and events of a key.

    Args:
        connection: A read.
        key_id: Whose.
        since: Nothing from before this moment (epoch microseconds).
        limit: How many hours, and how many events, at most.

    Raises:
        InvalidField: the id or the limit is none.
    """
    if not 1 <= limit <= PAGE_MAX:
        raise InvalidField("limit", f"must be 1 to {PAGE_MAX}")
    hours = (
        select(usage_hours.c.hour, usage_hours.c.valid, usage_hours.c.refused, usage_hours.c.spent)
        .where(usage_hours.c.key_id == fields.key_id(key_id), usage_hours.c.hour >= since)
        .order_by(usage_hours.c.hour.desc())
        .limit(limit)
    )
    events = (
        select(usage_events)
        .where(usage_events.c.key_id == key_id, usage_events.c.at >= since)
        .order_by(usage_events.c.id.desc())
        .limit(limit)
    )
    return Usage(
        key_id,
        tuple(Hour(*row) for row in connection.execute(hours)),
        tuple(
            Call(row.at, row.key_id, row.code, row.cost, row.scopes, row.address, row.agent)
            for row in connection.execute(events)
        ),
    )
