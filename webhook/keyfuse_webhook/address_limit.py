"""How often an address may ask, where no credential tells the callers apart (GCRA, in process)."""

import ipaddress
import math
import time
from collections.abc import Callable

# One address may send so many at once, and as many in each period of `PERIOD` seconds.
BURST = 60
PERIOD = 60.0
# Whoever has a network of IPv6 addresses has all of it; a customer gets no less than this.
_IPV6_PREFIX = 64
_MOST_ADDRESSES = 100_000
_OVERFLOW = "overflow"


class AddressLimit:
    """Counts requests by client address; the table is bounded, and a full one lets nobody off."""

    def __init__(
        self,
        burst: int = BURST,
        period: float = PERIOD,
        clock: Callable[[], float] = time.monotonic,
        most_addresses: int = _MOST_ADDRESSES,
    ) -> None:
        self._burst = burst
        self._period = period
        self._clock = clock
        self._most = most_addresses
        # When each address will have used up nothing any more.
        self._idle_at: dict[str, float] = {}

    def wait(self, address: str | None) -> int:
        """Count one request; whole seconds until it would be allowed, 0 if it is."""
        now = self._clock()
        who = self._bucket(address, now)
        idle_at = max(self._idle_at.get(who, now), now) + self._period / self._burst
        excess = idle_at - now - self._period
        # The sum of sixty sixtieths is not quite one.
        if excess > self._period / self._burst / 1000:
            return math.ceil(excess)
        self._idle_at[who] = idle_at
        return 0

    def headers(self, wait: int) -> dict[str, str]:
        """The RateLimit fields of a refusal (draft-ietf-httpapi-ratelimit-headers-11)."""
        return {
            "RateLimit-Policy": f'"address";q={self._burst};w={self._period:.0f}',
            "RateLimit": f'"address";r=0;t={wait}',
        }

    def _bucket(self, address: str | None, now: float) -> str:
        who = network_of(address)
        if who in self._idle_at or len(self._idle_at) < self._most:
            return who
        self._idle_at = {one: at for one, at in self._idle_at.items() if at > now}
        return who if len(self._idle_at) < self._most else _OVERFLOW


def network_of(address: str | None) -> str:
    """What counts as one caller: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        whole = ipaddress.ip_network((int(parsed), _IPV6_PREFIX), strict=False)
        return str(whole)
    return str(parsed)


def plain_address(address: str | None) -> str | None:
    """The address as the audit record keeps it; None where a proxy forwarded something else."""
    try:
        return str(ipaddress.ip_address(address or ""))
    except ValueError:
        return None
