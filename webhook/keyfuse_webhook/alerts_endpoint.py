"""`POST /github/partner-alerts`: is it signed, is it a list, deal with ours, answer.

The answer goes out after the last commit: who gets a 200 can rely on it that every key of ours
in the delivery is dead, or as its policy says, on disk.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from keyfuse_store import KeyStore
from keyfuse_store.errors import DatabaseError
from keyfuse_store.evidence import Evidence
from keyfuse_webhook.bodies import BodyRoom, BodyShare, read_body
from keyfuse_webhook.metrics import ALERT_RECORDS, ALERTS
from keyfuse_webhook.model import Alert, Origin
from keyfuse_webhook.origins import DISABLED, Sender, choose
from keyfuse_webhook.partner_alerts import (
    BAD_SIGNATURE,
    answer,
    label,
    read_alerts,
    read_envelope,
)
from keyfuse_webhook.problem import Refusal, problem
from keyfuse_webhook.revocation import LeakResponse, Sighting
from keyfuse_webhook.signatures import is_signed

NO_DATABASE = Refusal(
    503, "database_unavailable", "The database cannot be used right now; nothing is lost.", 10
)

# Bytes from which a delivery waits its turn, and how many of those are dealt with at once.
_LARGE = 256 * 1024
_LARGE_AT_ONCE = 2

_log = structlog.get_logger(__name__)


class PartnerAlerts:
    """Receives alerts, whoever of the known origins sends them."""

    def __init__(
        self, senders: Sequence[Sender], store: KeyStore, response: LeakResponse, room: BodyRoom
    ) -> None:
        self._senders = senders
        self._store = store
        self._response = response
        self._room = room
        self._large = asyncio.Semaphore(_LARGE_AT_ONCE)

    async def receive(self, request: Request) -> Response:
        """Answer one delivery."""
        sender = choose(request.headers, self._senders)
        name = "unknown" if isinstance(sender, Refusal) else sender.origin.name
        outcome = sender if isinstance(sender, Refusal) else await self._answered(request, sender)
        ALERTS.labels(name, outcome.code if isinstance(outcome, Refusal) else "answered").inc()
        if isinstance(outcome, Refusal):
            _log.warning("alert_refused", origin=name, reason=outcome.code)
            return problem(outcome)
        return Response(outcome, media_type="application/json")

    async def _answered(self, request: Request, sender: Sender) -> bytes | Refusal:
        try:
            with self._room.share() as share:
                return await self._outcome(request, sender, share)
        except ClientDisconnect:
            return Refusal(400, "body_incomplete", "The body ended before its end.")
        except DatabaseError as error:
            _log.error("alert_not_dealt_with", origin=sender.origin.name, error=str(error))
            return NO_DATABASE

    async def _outcome(self, request: Request, sender: Sender, share: BodyShare) -> bytes | Refusal:
        begun = self._store.clock()
        if not sender.enabled:
            return DISABLED
        envelope = read_envelope(request.headers.items(), sender.origin)
        if isinstance(envelope, Refusal):
            return envelope
        body = await read_body(request, self._store.settings.max_body, share)
        if isinstance(body, Refusal):
            return body
        key = await sender.ring.find(envelope.key_id)
        if isinstance(key, Refusal):
            return key
        if not is_signed(key, envelope.signature, body):
            return BAD_SIGNATURE
        arrival = _Arrival(sender.origin, request.client.host if request.client else None, begun)
        if len(body) < _LARGE:
            return await self._in_thread(body, arrival)
        # A single leaked key does not wait for batches that take seconds.
        async with self._large:
            return await self._in_thread(body, arrival)

    async def _in_thread(self, body: bytes, arrival: "_Arrival") -> bytes | Refusal:
        """In a thread, for a write does not run on the event loop.

        And to its end even if whoever sent it has gone: a delivery half dealt with would only
        come again.
        """
        return await asyncio.shield(asyncio.to_thread(self._deal_with, body, arrival))

    def _deal_with(self, body: bytes, arrival: "_Arrival") -> bytes | Refusal:
        origin = arrival.origin
        alerts = read_alerts(body)
        if isinstance(alerts, Refusal):
            return alerts
        found = self._store.match([alert.token for alert in alerts])
        sightings = [
            Sighting(key, _evidence(alert, origin))
            for alert, key in zip(alerts, found, strict=True)
            if key is not None
        ]
        if sightings:
            self._response.respond(
                sightings,
                actor=origin.name,
                origin=arrival.address,
                received=arrival.received,
            )
        ours = len({sighting.key.id for sighting in sightings})
        _log.info("alert_answered", origin=origin.name, records=len(alerts), ours=ours)
        for own in (True, False):
            number = sum((key is not None) == own for key in found)
            ALERT_RECORDS.labels(origin.name, label(own=own)).inc(number)
        raw = self._store.settings.alert_feedback == "raw"
        return answer(alerts, [key is not None for key in found], raw=raw)


class _Arrival(NamedTuple):
    """From whom a delivery is, from where it came, and when (epoch microseconds)."""

    origin: Origin
    address: str | None
    received: int


def _evidence(alert: Alert, origin: Origin) -> Evidence:
    return Evidence(origin=origin.name, trust="signed", source=alert.source, url=alert.url)
