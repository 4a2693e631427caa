"""Rate limits (GCRA, in this process) and the grammar of rates and quotas."""

import re
from functools import lru_cache
from threading import Lock
from typing import NamedTuple

from keyfuse_store.errors import InvalidField
from keyfuse_store.times import SECOND

_PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_QUOTA_PERIODS = ("minute", "hour", "day", "month")
_LIMIT = re.compile(r"([1-9][0-9]{0,8})/([a-z]+)", re.ASCII)


class Rate(NamedTuple):
    """`calls` per `period` microseconds, and as many in one burst."""

    calls: int
    period: int


def rate_text(field: str, text: str | None) -> str | None:
    """Check a rate limit such as `100/minute`.

    Raises:
        InvalidField: it is none.
    """
    if text is not None:
        _limit(field, text, tuple(_PERIODS))
    return text


def quota_text(field: str, text: str | None) -> str | None:
    """Check a quota per calendar period such as `10000/month`.

    Raises:
        InvalidField: it is none.
    """
    if text is not None:
        _limit(field, text, _QUOTA_PERIODS)
    return text


@lru_cache(maxsize=4096)
def parse_rate(text: str) -> Rate:
    """The numbers of a stored rate limit."""
    count, unit = _limit("rate_limit", text, tuple(_PERIODS))
    return Rate(count, _PERIODS[unit] * SECOND)


class ProcessRates:
    """GCRA for the calls that this process sees; other processes count for themselves.

    The state is one number per limited key, the theoretical arrival time of ITU-T I.371, in
    units of 1/count microseconds so that the arithmetic is exact.
    """

    def __init__(self) -> None:
        self._arrivals: dict[str, int] = {}
        self._lock = Lock()

    def take(self, key_id: str, text: str, cost: int, now: int) -> float | None:
        """Consume `cost` calls of a key's rate limit.

        Args:
            key_id: Whose calls.
            text: The rate limit, like `100/minute`.
            cost: How many calls this one counts for; 0 only looks.
            now: Epoch microseconds.

        Returns:
            None if they were free, else the seconds to wait (infinite if `cost` never fits);
            nothing is consumed then.
        """
        rate = parse_rate(text)
        scaled = now * rate.calls
        # Other limits than today's left arrivals in other units: the pair is the identity.
        slot = f"{key_id} {text}"
        with self._lock:
            arrival = max(self._arrivals.get(slot, 0), scaled) + cost * rate.period
            excess = arrival - scaled - rate.period * rate.calls
            if excess <= 0:
                self._arrivals[slot] = arrival
                return None
        return excess / rate.calls / SECOND if cost <= rate.calls else float("inf")


def _limit(field: str, text: object, units: tuple[str, ...]) -> tuple[int, str]:
    match = _LIMIT.fullmatch(text) if isinstance(text, str) else None
    if match is None or match[2] not in units:
        raise InvalidField(field, f"must be like 100/{units[1]}; the units are {', '.join(units)}")
    return int(match[1]), match[2]
