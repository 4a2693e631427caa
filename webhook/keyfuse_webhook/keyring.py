"""The signing keys of an origin, fetched over HTTP and kept: the one module that fetches them.

Kept right on these points, each of which a receiver in production got wrong once:

- an `ETag` makes the hourly refresh free of GitHub's rate limit (60 an hour without a token);
- one fetch at a time, however many requests wait for it;
- a list we have stays good while the endpoint is down;
- an unknown identifier causes at most one fetch a minute, so that a flood of made-up ones
  neither burns the rate limit nor hides a real rotation for longer than that minute.
"""

import asyncio
import math
import time
from collections.abc import Callable
from importlib.metadata import version

import httpx
import structlog
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from keyfuse_webhook.errors import WebhookError
from keyfuse_webhook.keylist import KeyList, read_key_list
from keyfuse_webhook.metrics import MISNAMED_SIGNING_KEYS, SIGNING_KEY_FETCHES
from keyfuse_webhook.partner_alerts import NO_KEY_LIST, UNKNOWN_KEY
from keyfuse_webhook.problem import Refusal

# Seconds. A list is refreshed in the background after FRESH; the other two bound the fetches.
FRESH = 3600.0
UNKNOWN_PAUSE = 60.0
LONGEST_FAILURE_PAUSE = 60.0
FETCH_TIMEOUT = 10.0
_LARGEST_LIST = 1024 * 1024

_log = structlog.get_logger(__name__)


class KeysNotFetched(WebhookError):
    """The key endpoint was not reached or did not answer as it should."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class KeyRing:
    """The public keys of one origin by identifier."""

    def __init__(
        self,
        url: str,
        client: httpx.AsyncClient,
        clock: Callable[[], float] = time.monotonic,
        *,
        origin: str = "github",
    ) -> None:
        self._url = url
        self._client = client
        self._clock = clock
        self._origin = origin
        self._keys: dict[str, EllipticCurvePublicKey] = {}
        self._etag: str | None = None
        self._fresh_until = -math.inf
        self._next_unknown = -math.inf
        self._next_try = -math.inf
        self._failures = 0
        self._flight: asyncio.Task[None] | None = None

    async def find(self, key_id: str) -> EllipticCurvePublicKey | Refusal:
        """The key listed under ``key_id``; 401 when no fresh list has it, 503 when none is had."""
        key = self._keys.get(key_id)
        if key is not None:
            if self._clock() >= self._fresh_until:
                self._begin_fetch()
            return key
        await self._look_again()
        return self._keys.get(key_id) or self._refusal()

    async def close(self) -> None:
        """Give up a fetch under way."""
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.gather(self._flight, return_exceptions=True)

    async def _look_again(self) -> None:
        """Fetch once for an identifier we do not have, unless that was done a moment ago."""
        now = self._clock()
        if self._flight is None and now >= self._next_unknown and self._begin_fetch():
            # Counted when it starts: the first list of all costs a flood its minute as well.
            self._next_unknown = now + UNKNOWN_PAUSE if self._keys else now
        if self._flight is not None:
            await asyncio.shield(self._flight)

    def _refusal(self) -> Refusal:
        if not self._failures:
            self._next_unknown = max(self._next_unknown, self._fresh_until - FRESH + UNKNOWN_PAUSE)
            return UNKNOWN_KEY
        next_look = max(self._next_try, self._next_unknown)
        return NO_KEY_LIST._replace(retry_after=max(1, math.ceil(next_look - self._clock())))

    def _begin_fetch(self) -> bool:
        """Start a fetch unless one is under way or the last failure is too recent."""
        if self._flight is not None or self._clock() < self._next_try:
            return False
        self._flight = asyncio.create_task(self._fetch())
        return True

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(FETCH_TIMEOUT):
                listed = await self._download()
        except (WebhookError, httpx.HTTPError, TimeoutError) as error:
            self._failed(error)
        else:
            self._fetched(listed)
        finally:
            self._flight = None

    async def _download(self) -> KeyList | None:
        """The list, or None when ours is still the current one (304)."""
        headers = {"User-Agent": f"keyfuse/{version('keyfuse')}", "Accept": "application/json"}
        if self._etag is not None:
            headers["If-None-Match"] = self._etag
        async with self._client.stream("GET", self._url, headers=headers) as response:
            if response.status_code == httpx.codes.NOT_MODIFIED and self._keys:
                return None
            if response.status_code != httpx.codes.OK:
                raise KeysNotFetched(
                    f"the key endpoint answered {response.status_code}", _retry_after(response)
                )
            listed = read_key_list(await _bounded(response))
            self._etag = response.headers.get("ETag")
            return listed

    def _fetched(self, listed: KeyList | None) -> None:
        self._failures = 0
        self._next_try = -math.inf
        self._fresh_until = self._clock() + FRESH
        SIGNING_KEY_FETCHES.labels(self._origin, "unchanged" if listed is None else "listed").inc()
        if listed is None:
            return
        self._keys = listed.keys
        _log.info("signing_keys_fetched", keys=sorted(listed.keys))
        MISNAMED_SIGNING_KEYS.labels(self._origin).inc(len(listed.misnamed))
        if listed.misnamed:
            _log.warning("signing_key_misnamed", keys=listed.misnamed)
        if listed.unusable:
            _log.warning("signing_key_unusable", keys=listed.unusable)

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        SIGNING_KEY_FETCHES.labels(self._origin, "failed").inc()
        asked = error.retry_after if isinstance(error, KeysNotFetched) else 0.0
        pause = min(LONGEST_FAILURE_PAUSE, max(asked, 2.0 ** min(self._failures - 1, 10)))
        self._next_try = self._clock() + pause
        _log.warning(
            "signing_keys_not_fetched",
            error=f"{type(error).__name__}: {error}",
            have=len(self._keys),
            next_try_in=pause,
        )


async def _bounded(response: httpx.Response) -> bytes:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > _LARGEST_LIST:
            raise KeysNotFetched("the key endpoint's answer is larger than 1 MiB")
    return bytes(body)


def _retry_after(response: httpx.Response) -> float:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else 0.0
