"""Points in time that the user names."""

import re
from datetime import UTC, datetime, timedelta

_DURATION = re.compile(r"(\d{1,6})([smhd])", re.ASCII).fullmatch
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_since(text: str, now: datetime | None = None) -> int:
    """Return seconds since 1970 for a duration before now (`90d`) or an ISO 8601 date or time.

    A time without a zone is UTC.

    Args:
        text: What the user wrote.
        now: The time, with a zone; the clock's where None.

    Raises:
        ValueError: the text is none of these.
    """
    if match := _DURATION(text):
        ago = timedelta(**{_UNITS[match[2]]: int(match[1])})
        moment = (now or datetime.now(UTC)) - ago
    else:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(
                f"{text!r} is no date; write 2025-12-31, or 90d for 90 days ago"
            ) from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
    return max(0, int(moment.timestamp()))
