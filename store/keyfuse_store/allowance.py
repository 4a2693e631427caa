"""Everything that may be used up: rate limits and quota of a key, all or none of them."""

import logging
import math
from collections.abc import Callable
from typing import Literal, NamedTuple

from keyfuse_store.errors import DatabaseError
from keyfuse_store.limits import Refusal
from keyfuse_store.quotas import Quotas
from keyfuse_store.rates import Rates, RatesUnavailable
from keyfuse_store.times import SECOND

# Whoever is turned away because nobody can count may try again after this many seconds.
_TRY_AGAIN = 1.0

_Ask = Callable[[str, str, int, int], Refusal | None]

log = logging.getLogger(__name__)


class Shortage(NamedTuple):
    """Why a call was turned away.

    Attributes:
        code: As in a verdict.
        limit: The name of the limit; None where nobody could tell.
        retry_after: Seconds until it would pass; None where it never will, or nobody knows.
    """

    code: Literal["rate_limited", "quota_exceeded", "unavailable"]
    limit: str | None
    retry_after: float | None


class Allowance:
    """Checks every limit of a key before it consumes any.

    The quota is taken first, because out of a lease it can be given back; the rate limits last,
    because taking them is one step for all of them, in every process.

    Args:
        rates: Where rate limits are counted.
        quotas: Where quotas are.
        fail_open: What to do while rate limits cannot be counted: let calls pass, or none.
            Quotas never pass uncounted.
    """

    def __init__(self, rates: Rates, quotas: Quotas, *, fail_open: bool) -> None:
        self._rates = rates
        self._take_rate = rates.take
        self._quotas = quotas
        self._fail_open = fail_open
        self._warned = 0

    def take(  # noqa: PLR0917 - calls by place are cheaper, and each verification makes one
        self,
        key_id: str,
        rate_limit: str | None,
        quota: str | None,
        cost: int,
        now: int,
        wait: bool,
    ) -> Shortage | None:
        """Consume `cost` calls, or say what stands in the way and consume nothing.

        Raises:
            WouldWait: a quota cannot be counted without waiting, which `wait` forbids.
        """
        if cost == 0:
            return None
        if quota is None:
            if rate_limit is None:
                return None
            try:
                refusal = self._take_rate(key_id, rate_limit, cost, now)
            except RatesUnavailable as error:
                return self._uncounted(error, now)
            return None if refusal is None else _shortage("rate_limited", refusal)
        try:
            spent = self._quotas.take(key_id, quota, cost, now, wait)
        except DatabaseError as error:
            log.error("a quota could not be counted: %s", error)  # noqa: TRY400 - one clear line
            return Shortage("unavailable", None, None)
        if rate_limit is None:
            return None if spent is None else _shortage("quota_exceeded", spent)
        if spent is not None:
            limited = self._rate(self._rates.look, key_id, rate_limit, cost, now)
            return limited or _shortage("quota_exceeded", spent)
        limited = self._rate(self._take_rate, key_id, rate_limit, cost, now)
        if limited is not None:
            self._quotas.give_back(key_id, quota, cost, now)
        return limited

    def close(self) -> None:
        """Give leases back and let go of connections."""
        try:
            self._quotas.close()
        except DatabaseError as error:
            log.warning("what was leased of quotas is lost: %s", error)
        self._rates.close()

    def _rate(self, ask: _Ask, key_id: str, text: str, cost: int, now: int) -> Shortage | None:
        try:
            refusal = ask(key_id, text, cost, now)
        except RatesUnavailable as error:
            return self._uncounted(error, now)
        return None if refusal is None else _shortage("rate_limited", refusal)

    def _uncounted(self, error: RatesUnavailable, now: int) -> Shortage | None:
        self._warn(error, now)
        return None if self._fail_open else Shortage("rate_limited", None, _TRY_AGAIN)

    def _warn(self, error: RatesUnavailable, now: int) -> None:
        """Say it once a second, not once a call."""
        if not 0 <= now - self._warned < SECOND:
            self._warned = now
            effect = "pass uncounted" if self._fail_open else "are refused"
            log.error("rate-limited calls %s: %s", effect, error)


def _shortage(code: Literal["rate_limited", "quota_exceeded"], refusal: Refusal) -> Shortage:
    return Shortage(code, refusal.limit, None if math.isinf(refusal.wait) else refusal.wait)
