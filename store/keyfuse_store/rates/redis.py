"""Rate limits for all processes on all machines that share one Redis.

Lua in Redis has doubles only, exact for whole numbers below 2^53. An arrival is therefore kept
in two parts, whole microseconds and the rest in units of 1/`calls` of one, which is the same
number as in `limits.admit`.
"""

import hashlib
import math
import time
from typing import Any

from keyfuse_rules.secret import Secret
from keyfuse_store.limits import Rate, Refusal, parse_rates
from keyfuse_store.rates.interface import RatesUnavailable
from keyfuse_store.times import SECOND

# Nobody waits for a limit longer than this, in seconds; nor asks again before the pause is over.
TIMEOUT = 0.25
PAUSE = 1.0

# KEYS[1]: "whole rest whole rest …" of each limit. ARGV: now, milliseconds to keep (0: only look),
# then for each limit calls, cost (whole, rest), tolerance (whole, rest). Returns 1, or the excess
# of each limit. What stands there and is not ours (of another type, or a number that no arrival
# has) counts as nothing, and is overwritten.
_SCRIPT = """
local now, kept, found = tonumber(ARGV[1]), {}, redis.pcall('GET', KEYS[1])
if type(found) == 'table' then
  if not string.find(found.err, 'WRONGTYPE', 1, true) then return found end
  found = ''
end
local stored, refused, excess = {}, false, {}
for part in string.gmatch(found or '', '%d+') do
  local number = tonumber(part)
  stored[#stored + 1] = number < 9007199254740992 and number or 0
end
for i = 0, (#ARGV - 2) / 5 - 1 do
  local calls = tonumber(ARGV[3 + i * 5])
  local whole, rest = stored[1 + i * 2] or 0, stored[2 + i * 2] or 0
  if whole < now then whole, rest = now, 0 end
  whole, rest = whole + tonumber(ARGV[4 + i * 5]), rest + tonumber(ARGV[5 + i * 5])
  if rest >= calls then whole, rest = whole + 1, rest - calls end
  kept[#kept + 1] = string.format('%.0f %.0f', whole, rest)
  local over = whole - now - tonumber(ARGV[6 + i * 5])
  local fraction = rest - tonumber(ARGV[7 + i * 5])
  if over > 0 or (over == 0 and fraction > 0) then refused = true end
  excess[#excess + 1] = string.format('%.0f %.0f', over, fraction)
end
if refused then return excess end
if ARGV[2] ~= '0' then redis.call('SET', KEYS[1], table.concat(kept, ' '), 'PX', ARGV[2]) end
return 1
"""


class RedisRates:
    """Keeps the arrivals of each key under `kf:rates:<key id>:<limits>` until they are past."""

    def __init__(self, url: Secret) -> None:
        # Imported here: whoever counts elsewhere needs no Redis client.
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self._error: type[Exception] = redis.RedisError
        self._client: Any = redis.Redis.from_url(
            url.reveal(),
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            # Once more, for a connection that the server closed while it was idle.
            retry=Retry(NoBackoff(), 1),
            decode_responses=True,
        )
        self._script = self._client.register_script(_SCRIPT)
        self._paused_until = 0.0

    def take(self, key_id: str, text: str, cost: int, now: int) -> Refusal | None:
        """See `Rates.take`."""
        return self._ask(key_id, text, cost, now, _lifetime(parse_rates(text)))

    def look(self, key_id: str, text: str, cost: int, now: int) -> Refusal | None:
        """See `Rates.look`."""
        return self._ask(key_id, text, cost, now, 0)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ask(self, key_id: str, text: str, cost: int, now: int, kept: int) -> Refusal | None:
        rates = parse_rates(text)
        never = [rate for rate in rates if cost > rate.burst]
        if never:
            return Refusal(never[0].name, math.inf)
        if time.monotonic() < self._paused_until:
            raise RatesUnavailable("Redis did not answer a moment ago")
        limits = hashlib.sha256(text.encode()).hexdigest()[:16]
        arguments = [now, kept, *(one for rate in rates for one in _numbers(rate, cost))]
        try:
            outcome = self._script(keys=[f"kf:rates:{key_id}:{limits}"], args=arguments)
        except self._error as error:
            self._paused_until = time.monotonic() + PAUSE
            raise RatesUnavailable(f"Redis does not answer: {type(error).__name__}") from None
        return None if outcome == 1 else _refusal(rates, outcome)


def _numbers(rate: Rate, cost: int) -> tuple[int, ...]:
    return (
        rate.calls,
        *divmod(cost * rate.period, rate.calls),
        *divmod(rate.burst * rate.period, rate.calls),
    )


def _lifetime(rates: tuple[Rate, ...]) -> int:
    """Milliseconds after which the longest of the limits is full again, whatever was taken."""
    longest = max(rate.burst * rate.period // rate.calls for rate in rates)
    return longest // 1000 + 1000


def _refusal(rates: tuple[Rate, ...], excess: list[str]) -> Refusal:
    waits = []
    for rate, parts in zip(rates, excess, strict=True):
        whole, rest = map(int, parts.split())
        waits.append(Refusal(rate.name, (whole * rate.calls + rest) / rate.calls / SECOND))
    return max(waits, key=lambda refusal: refusal.wait)
