"""Time as the store keeps it: whole microseconds since 1970, UTC."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from keyfuse_store.errors import InvalidField

Clock = Callable[[], int]
"""Gives the present time in epoch microseconds."""

SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = int((datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH).total_seconds()) * SECOND
_LONGEST = _LAST // SECOND
_DURATION = re.compile(r"([0-9]{1,12})([smhd])", re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def system_clock() -> int:
    """The present time in epoch microseconds."""
    return time.time_ns() // 1000


def to_micros(field: str, moment: datetime) -> int:
    """Epoch microseconds of an aware datetime.

    Raises:
        InvalidField: `moment` is no date and time, or has no time zone.
    """
    if not isinstance(moment, datetime):
        raise InvalidField(field, "must be a datetime")
    if moment.tzinfo is None:
        raise InvalidField(field, "must say its time zone (use UTC)")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    """The UTC datetime of epoch microseconds."""
    return _EPOCH + timedelta(microseconds=micros)


def rfc3339(micros: int | None) -> str | None:
    """`2026-11-23T13:57:08.123456Z`, or None."""
    if micros is None:
        return None
    return from_micros(micros).isoformat().replace("+00:00", "Z")


def micros(field: str, duration: timedelta) -> int:
    """Whole microseconds of a duration.

    Raises:
        InvalidField: it is none; a bare number does not say of what.
    """
    if not isinstance(duration, timedelta):
        raise InvalidField(field, "must be a timedelta")
    return duration // timedelta(microseconds=1)


def later(field: str, at: int, duration: timedelta) -> int:
    """The moment `duration` after `at`, in epoch microseconds.

    Raises:
        InvalidField: the duration is not positive or ends after the year 9999.
    """
    moment = at + micros(field, duration)
    if moment <= at:
        raise InvalidField(field, "must be longer than nothing")
    if moment > _LAST:
        raise InvalidField(field, "ends after the year 9999")
    return moment


def parse_duration(field: str, text: str) -> timedelta:
    """A duration such as `30s`, `15m`, `24h` or `90d`.

    Raises:
        InvalidField: the text is no such duration, or one that no date is away from another.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise InvalidField(field, "must be a number and one of s, m, h, d, like 90d")
    seconds = int(match[1]) * _UNITS[match[2]]
    if seconds > _LONGEST:
        raise InvalidField(field, "is too long")
    return timedelta(seconds=seconds)


def duration_text(field: str, duration: timedelta) -> str:
    """The same as text, in the largest unit that it is a whole number of; what is less is cut.

    Raises:
        InvalidField: it is none, less than nothing, or one that no date is away from another.
    """
    seconds = micros(field, duration) // SECOND
    if not 0 <= seconds <= _LONGEST:
        raise InvalidField(field, "is less than nothing, or too long")
    unit = next(name for name, size in reversed(_UNITS.items()) if seconds % size == 0)
    return f"{seconds // _UNITS[unit]}{unit}"


def parse_moment(field: str, text: str) -> datetime:
    """An RFC 3339 date and time; a bare date is its midnight in UTC.

    Raises:
        InvalidField: the text is neither.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidField(field, "must be a date like 2027-01-31 or 2027-01-31T12:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
