"""Calendar periods in UTC: when the one that holds a moment begins and ends."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from keyfuse_store.times import SECOND, from_micros

_EVEN = {"minute": 60 * SECOND, "hour": 3600 * SECOND, "day": 86_400 * SECOND}


class Period(NamedTuple):
    """From `start` up to but without `end`, in epoch microseconds."""

    unit: str
    start: int
    end: int


def period_of(unit: str, now: int) -> Period:
    """The minute, hour, day or month that holds the moment `now`."""
    length = _EVEN.get(unit)
    if length is not None:
        start = now - now % length
        return Period(unit, start, start + length)
    first = from_micros(now).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = (first + timedelta(days=31)).replace(day=1)
    return Period(unit, _micros(first), _micros(following))


def _micros(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
