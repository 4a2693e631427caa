"""Rate limits and quotas: how they are written, and the one model of a rate limit (GCRA).

A rate limit is `100/minute`, with another burst `100/minute burst=20`. A key may have several,
each with a name: `fast=10/second burst=20, day=5000/day`. A quota is `10000/month`.
"""

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from keyfuse_store.errors import InvalidField
from keyfuse_store.times import SECOND

RATES_MAX = 4
TEXT_MAX = 200
UNNAMED = "default"

_DAY = 86_400 * SECOND
# What takes longer than this to fill up again is a quota; it also keeps every number exact in Lua.
_REFILL_MAX = 366 * _DAY
_PERIODS = {"second": SECOND, "minute": 60 * SECOND, "hour": 3600 * SECOND, "day": _DAY}
_QUOTA_UNITS = ("minute", "hour", "day", "month")
_RATE = re.compile(
    r"(?:([a-z][a-z0-9_-]{0,19})=)?([1-9][0-9]{0,8})/([a-z]+)(?: burst=([1-9][0-9]{0,8}))?",
    re.ASCII,
)
_QUOTA = re.compile(r"([1-9][0-9]{0,14})/([a-z]+)", re.ASCII)


class Rate(NamedTuple):
    """`calls` per `period` microseconds in the long run, up to `burst` of them at once."""

    name: str
    calls: int
    period: int
    burst: int


class Quota(NamedTuple):
    """`calls` in each calendar minute, hour, day or month (UTC)."""

    calls: int
    unit: str


class Refusal(NamedTuple):
    """A call that a limit did not let through.

    Attributes:
        limit: The name of the limit that takes longest to let it through.
        wait: Seconds until it would; infinite where the call is larger than the limit.
    """

    limit: str
    wait: float


def admit(
    rates: Sequence[Rate], arrivals: Sequence[int], cost: int, now: int
) -> tuple[int, ...] | Refusal:
    """Consume `cost` calls of every limit, or of none if one of them refuses.

    The generic cell rate algorithm (ITU-T I.371) keeps one number per limit, the theoretical
    arrival time of the next call; here in units of 1/`calls` microseconds, so that it is exact.

    Args:
        rates: The limits of a key.
        arrivals: What the call before this one left of each; 0 where there was none.
        cost: How many calls this one counts for; 0 only looks.
        now: Epoch microseconds.

    Returns:
        The arrivals after it; a refused call changes nothing.
    """
    after = []
    refusal = None
    for (name, calls, period, burst), arrival in zip(rates, arrivals, strict=True):
        scaled = now * calls
        moved = (max(scaled, arrival)) + cost * period
        excess = moved - scaled - burst * period
        if excess > 0:
            wait = excess / calls / SECOND if cost <= burst else math.inf
            if refusal is None or wait > refusal.wait:
                refusal = Refusal(name, wait)
        after.append(moved)
    return tuple(after) if refusal is None else refusal


def rate_text(field: str, text: str | None) -> str | None:
    """Check the rate limits of a key and return them as they are stored.

    Raises:
        InvalidField: they are none; the message says how to write them.
    """
    if text is None:
        return None
    rates = _rates(field, text)
    if len({rate.name for rate in rates}) < len(rates):
        raise InvalidField(field, "each of several limits needs a name of its own, like fast=10/s…")
    for rate in rates:
        if rate.burst * rate.period > _REFILL_MAX * rate.calls:
            raise InvalidField(field, f"{rate.name}: takes over a year to refill; use a quota")
    return ", ".join(" ".join(part.split()) for part in text.split(","))


def quota_text(field: str, text: str | None) -> str | None:
    """Check a quota per calendar period such as `10000/month`.

    Raises:
        InvalidField: it is none.
    """
    if text is not None:
        _quota(field, text)
    return text


@lru_cache(maxsize=4096)
def parse_rates(text: str) -> tuple[Rate, ...]:
    """The limits of a stored text."""
    return _rates("rate_limit", text)


@lru_cache(maxsize=4096)
def parse_quota(text: str) -> Quota:
    """The quota of a stored text."""
    return _quota("quota", text)


def _rates(field: str, text: object) -> tuple[Rate, ...]:
    parts = text.split(",") if isinstance(text, str) and len(text) <= TEXT_MAX else []
    if not 1 <= len(parts) <= RATES_MAX:
        raise InvalidField(field, f"must be like 100/minute; {RATES_MAX} at most, with commas")
    return tuple(_rate(field, " ".join(part.split())) for part in parts)


def _rate(field: str, text: str) -> Rate:
    match = _RATE.fullmatch(text)
    if match is None or match[3] not in _PERIODS:
        raise InvalidField(
            field,
            "must be like 100/minute or name=100/minute burst=20; "
            f"the units are {', '.join(_PERIODS)}",
        )
    calls = int(match[2])
    return Rate(match[1] or UNNAMED, calls, _PERIODS[match[3]], int(match[4] or calls))


def _quota(field: str, text: object) -> Quota:
    match = _QUOTA.fullmatch(text) if isinstance(text, str) else None
    if match is None or match[2] not in _QUOTA_UNITS:
        raise InvalidField(
            field, f"must be like 10000/month; the units are {', '.join(_QUOTA_UNITS)}"
        )
    return Quota(int(match[1]), match[2])
