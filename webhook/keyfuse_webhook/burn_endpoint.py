"""`POST /v1/leaks`: whoever holds a leaked key may burn it, without saying who they are.

The proof is the whole key. The answer is the same whether a token was ours or not, and goes out
after the commit; tokens that are not ours are neither kept nor logged.
"""

import asyncio

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from keyfuse_store import KeyStore
from keyfuse_store.errors import DatabaseError
from keyfuse_store.evidence import Evidence
from keyfuse_webhook.address_limit import AddressLimit, plain_address
from keyfuse_webhook.alerts_endpoint import NO_DATABASE
from keyfuse_webhook.bodies import read_body
from keyfuse_webhook.burn import LARGEST, Report, read_reports
from keyfuse_webhook.metrics import REPORTS
from keyfuse_webhook.problem import Refusal, problem
from keyfuse_webhook.revocation import LeakResponse, Sighting

TOO_MANY_REQUESTS = Refusal(429, "too_many_reports", "Too many reports came from this address.")
BUSY = Refusal(503, "busy", "Too many reports are being dealt with; send this one again.", 2)
INCOMPLETE = Refusal(400, "body_incomplete", "The body ended before its end.")

ORIGIN = "report"
_ACTOR = "anonymous"
_ACCEPTED = b'{"status":"accepted"}'
# Strangers share the threads with GitHub's alerts, and must not take them all.
_AT_ONCE = 2
_MOST_WAITING = 64

_log = structlog.get_logger(__name__)


class BurnEndpoint:
    """Takes anonymous reports."""

    def __init__(self, store: KeyStore, response: LeakResponse, limit: AddressLimit) -> None:
        self._store = store
        self._response = response
        self._limit = limit
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def receive(self, request: Request) -> Response:
        """Answer one report."""
        address = request.client.host if request.client else None
        if wait := self._limit.wait(address):
            REPORTS.labels(TOO_MANY_REQUESTS.code).inc()
            refusal = TOO_MANY_REQUESTS._replace(retry_after=wait)
            return problem(refusal, self._limit.headers(wait))
        refused = await self._refusal(request, plain_address(address))
        REPORTS.labels("accepted" if refused is None else refused.code).inc()
        if refused is not None:
            _log.warning("report_refused", reason=refused.code)
            return problem(refused)
        return Response(_ACCEPTED, status_code=202, media_type="application/json")

    async def _refusal(self, request: Request, address: str | None) -> Refusal | None:
        received = self._store.clock()
        try:
            body = await read_body(request, LARGEST)
        except ClientDisconnect:
            return INCOMPLETE
        if isinstance(body, Refusal):
            return body
        if self._waiting >= _MOST_WAITING:
            return BUSY
        self._waiting += 1
        try:
            async with self._turn:
                dealing = asyncio.to_thread(self._deal_with, body, address, received)
                # To its end, even if the caller has gone: they may not come again.
                return await asyncio.shield(dealing)
        except DatabaseError as error:
            _log.error("report_not_dealt_with", error=str(error))
            return NO_DATABASE
        finally:
            self._waiting -= 1

    def _deal_with(self, body: bytes, address: str | None, received: int) -> Refusal | None:
        reports = read_reports(body)
        if isinstance(reports, Refusal):
            return reports
        found = self._store.match([report.token for report in reports])
        sightings = [
            Sighting(key, _evidence(report))
            for report, key in zip(reports, found, strict=True)
            if key is not None
        ]
        if sightings:
            self._response.respond(sightings, actor=_ACTOR, origin=address, received=received)
        ours = len({sighting.key.id for sighting in sightings})
        _log.info("report_answered", tokens=len(reports), ours=ours)
        return None


def _evidence(report: Report) -> Evidence:
    return Evidence(origin=ORIGIN, trust="possession", source=report.source, url=report.url)
