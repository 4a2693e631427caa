"""When a key begins and ends to be valid, as somebody asks for it."""

from datetime import datetime, timedelta

from keyfuse_store.errors import InvalidField
from keyfuse_store.times import later, to_micros


def beginning(not_before: datetime | None, at: int) -> int | None:
    """The first moment of a key in epoch microseconds; None is at once.

    Raises:
        InvalidField: it lies before `at`.
    """
    if not_before is None:
        return None
    begin = to_micros("not_before", not_before)
    if begin < at:
        raise InvalidField("not_before", "lies in the past")
    return begin


def end(
    begin: int | None, at: int, *, expires_at: datetime | None, expires_in: timedelta | None
) -> int | None:
    """The end of a key in epoch microseconds; None is never.

    Args:
        begin: Its first moment; None is `at`.
        at: The present time.
        expires_at: When it ends; or
        expires_in: how long it is valid from its beginning.

    Raises:
        InvalidField: both are given, or it ends before it begins.
    """
    if expires_at is not None and expires_in is not None:
        raise InvalidField("expires_in", "give either this or expires_at")
    start = at if begin is None else max(at, begin)
    if expires_in is not None:
        return later("expires_in", start, expires_in)
    if expires_at is None:
        return None
    moment = to_micros("expires_at", expires_at)
    if moment <= at:
        raise InvalidField("expires_at", "lies in the past")
    if moment <= start:
        raise InvalidField("expires_at", "lies before not_before")
    return moment
