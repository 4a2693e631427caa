"""`POST /github/webhooks`: is it signed, what is it, put the job on disk, answer.

GitHub gives ten seconds and never sends again by itself. So nothing is done here that takes long:
once the job is committed, the answer is 202 and the rest happens in the worker.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from keyfuse_rules.keyfinding import find_keys
from keyfuse_store import KeyStore
from keyfuse_store.errors import DatabaseError
from keyfuse_store.evidence import Evidence
from keyfuse_webhook.alerts_endpoint import NO_DATABASE
from keyfuse_webhook.bodies import BodyRoom, BodyShare, read_body
from keyfuse_webhook.events import EVENTS
from keyfuse_webhook.jobs_model import Job, JobStatus
from keyfuse_webhook.metrics import DELIVERIES
from keyfuse_webhook.problem import Refusal, problem
from keyfuse_webhook.revocation import Enqueue, LeakResponse, Sighting
from keyfuse_webhook.webhook_delivery import (
    NOT_CONFIGURED,
    Delivery,
    open_delivery,
    read_envelope,
)

FindJob = Callable[[str], JobStatus | None]

_INCOMPLETE = Refusal(400, "body_incomplete", "The body ended before its end.")
_ENDED_BADLY = ("failed", "undeliverable")
# Bodies of up to 25 MB are parsed so many at a time.
_AT_ONCE = 2

_log = structlog.get_logger(__name__)


class Webhooks:
    """Receives what a GitHub App, repository or organisation sends."""

    def __init__(
        self,
        store: KeyStore,
        response: LeakResponse,
        enqueue: Enqueue,
        find_job: FindJob,
        room: BodyRoom,
    ) -> None:
        self._store = store
        self._response = response
        self._enqueue = enqueue
        self._find_job = find_job
        self._room = room
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def receive(self, request: Request) -> Response:
        """Answer one delivery: 202 and one word for what becomes of it."""
        try:
            with self._room.share() as share:
                outcome = await self._outcome(request, share)
        except ClientDisconnect:
            outcome = _INCOMPLETE
        except DatabaseError as error:
            _log.error("delivery_not_kept", error=str(error))
            outcome = NO_DATABASE
        event = request.headers.get("x-github-event", "")
        DELIVERIES.labels(
            event if event in EVENTS else "other",
            outcome.code if isinstance(outcome, Refusal) else outcome,
        ).inc()
        if isinstance(outcome, Refusal):
            _log.warning("delivery_refused", reason=outcome.code)
            return problem(outcome)
        return JSONResponse({"status": outcome}, status_code=202)

    async def _outcome(self, request: Request, share: BodyShare) -> str | Refusal:
        settings = self._store.settings
        if not settings.github_webhook_secrets:
            return NOT_CONFIGURED
        envelope = read_envelope(request.headers.items())
        if isinstance(envelope, Refusal):
            return envelope
        body = await read_body(request, settings.max_body, share)
        if isinstance(body, Refusal):
            return body
        secrets = settings.github_webhook_secrets

        def deal() -> str | Refusal:
            delivery = open_delivery(envelope, body, secrets)
            return delivery if isinstance(delivery, Refusal) else self._deal_with(delivery)

        async with self._turn:
            return await asyncio.shield(asyncio.to_thread(deal))

    def _deal_with(self, delivery: Delivery) -> str:
        handler = EVENTS.get(delivery.event)
        job = "ignored" if handler is None else handler(delivery)
        if delivery.event == "push":
            self._kill_named(delivery)
        status = job if isinstance(job, str) else self._keep(job)
        _log.info("delivery_answered", gh_event=delivery.event, status=status)
        return status

    def _keep(self, job: Job) -> str:
        """Commit the job, unless the same delivery made one that has not failed."""
        fresh = self._under_free_id(job)
        if fresh is None:
            return "known"
        with self._store.begin() as connection:
            self._enqueue(connection, fresh)
        return "accepted"

    def _under_free_id(self, job: Job) -> Job | None:
        """The job to enqueue: an operator's redelivery after a failure is a new attempt."""
        for attempt in count(1):
            one = job if attempt == 1 else replace(job, id=f"{job.id}-{attempt}")
            known = self._find_job(one.id)
            if known is None:
                return one
            if known.state not in _ENDED_BADLY:
                return None
        raise AssertionError("the numbers never end")

    def _kill_named(self, delivery: Delivery) -> None:
        """Deal with keys in the name of the ref itself: no object that is fetched holds it."""
        ref = delivery.payload.get("ref")
        name = ref.encode("utf-8", "replace") if isinstance(ref, str) else b""
        tokens = [name[one.start : one.end].decode("ascii") for one in find_keys(name).keys]
        evidence = Evidence(origin="scan", trust="scan", source="ref-name")
        found = self._store.match(tokens) if tokens else []
        if sightings := [Sighting(key, evidence) for key in found if key is not None]:
            self._response.respond(sightings, actor="scan")
