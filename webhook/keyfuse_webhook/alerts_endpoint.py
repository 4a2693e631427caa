"""`POST /github/partner-alerts`: is it signed, is it a list, deal with ours, answer.

The answer goes out after the last commit: who gets a 200 can rely on it that every key of ours
in the delivery is dead, or as its policy says, on disk.
"""

import asyncio
from collections.abc import Sequence

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from keyfuse_store import KeyStore
from keyfuse_store.errors import DatabaseError
from keyfuse_store.leaks import Evidence
from keyfuse_webhook.bodies import read_body
from keyfuse_webhook.keyring import KeyRing
from keyfuse_webhook.model import Alert, Origin
from keyfuse_webhook.partner_alerts import BAD_SIGNATURE, answer, read_alerts, read_envelope
from keyfuse_webhook.problem import Refusal, problem
from keyfuse_webhook.revocation import LeakResponse, Sighting
from keyfuse_webhook.signatures import is_signed

NO_DATABASE = Refusal(
    503, "database_unavailable", "The database cannot be used right now; nothing is lost.", 10
)

_log = structlog.get_logger(__name__)


class PartnerAlerts:
    """Receives the alerts of one origin."""

    def __init__(
        self, origin: Origin, ring: KeyRing, store: KeyStore, response: LeakResponse, largest: int
    ) -> None:
        self._origin = origin
        self._ring = ring
        self._store = store
        self._response = response
        self._largest = largest

    async def receive(self, request: Request) -> Response:
        """Answer one delivery."""
        try:
            outcome = await self._outcome(request)
        except ClientDisconnect:
            outcome = Refusal(400, "body_incomplete", "The body ended before its end.")
        except DatabaseError as error:
            _log.error("alert_not_dealt_with", origin=self._origin.name, error=str(error))
            outcome = NO_DATABASE
        if isinstance(outcome, Refusal):
            _log.warning("alert_refused", origin=self._origin.name, reason=outcome.code)
            return problem(outcome)
        return Response(outcome, media_type="application/json")

    async def _outcome(self, request: Request) -> bytes | Refusal:
        envelope = read_envelope(request.headers.items(), self._origin)
        if isinstance(envelope, Refusal):
            return envelope
        body = await read_body(request, self._largest)
        if isinstance(body, Refusal):
            return body
        key = await self._ring.find(envelope.key_id)
        if isinstance(key, Refusal):
            return key
        if not is_signed(key, envelope.signature, body):
            return BAD_SIGNATURE
        address = request.client.host if request.client else None
        # In a thread, and to its end even if whoever sent it has gone: a write does not run on
        # the event loop, and a delivery half dealt with would only come again.
        return await asyncio.shield(asyncio.to_thread(self._deal_with, body, address))

    def _deal_with(self, body: bytes, address: str | None) -> bytes | Refusal:
        alerts = read_alerts(body)
        if isinstance(alerts, Refusal):
            return alerts
        found = self._store.match([alert.token for alert in alerts])
        sightings = [
            Sighting(key, self._evidence(alert))
            for alert, key in zip(alerts, found, strict=True)
            if key is not None
        ]
        if sightings:
            self._response.respond(sightings, actor=self._origin.name, origin=address)
        self._report(alerts, sightings)
        return answer(alerts, [key is not None for key in found])

    def _evidence(self, alert: Alert) -> Evidence:
        return Evidence(
            origin=self._origin.name, trust="signed", source=alert.source, url=alert.url
        )

    def _report(self, alerts: Sequence[Alert], sightings: Sequence[Sighting]) -> None:
        ours = len({sighting.key.id for sighting in sightings})
        _log.info("alert_answered", origin=self._origin.name, records=len(alerts), ours=ours)
