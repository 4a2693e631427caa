"""The HTTP application: which path goes where in which role, and what lives as long as it does."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Literal

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, request_response

from keyfuse_store import KeyStore
from keyfuse_webhook.address_limit import AddressLimit
from keyfuse_webhook.alerts_endpoint import PartnerAlerts
from keyfuse_webhook.authorize_endpoint import AuthorizeEndpoint
from keyfuse_webhook.before_router import BeforeRouter
from keyfuse_webhook.bodies import BodyRoom
from keyfuse_webhook.burn_endpoint import BurnEndpoint
from keyfuse_webhook.console.routes import console_routes
from keyfuse_webhook.health import Readiness, healthz
from keyfuse_webhook.jobs import JobQueue
from keyfuse_webhook.management.guard import Guard
from keyfuse_webhook.management.model import Desk
from keyfuse_webhook.management.routes import management_routes
from keyfuse_webhook.metrics_endpoint import MetricsPage
from keyfuse_webhook.origins import open_senders
from keyfuse_webhook.problem import INTERNAL, METHOD_NOT_ALLOWED, NOT_FOUND, Refusal, problem
from keyfuse_webhook.revocation import Enqueue, LeakResponse
from keyfuse_webhook.verify_endpoint import VerifyEndpoint
from keyfuse_webhook.webhooks_endpoint import FindJob, Webhooks

Role = Literal["all", "public", "private"]
# Bodies of the largest size that may be in memory at once.
_BODIES_AT_ONCE = 4


def build_app(
    store: KeyStore,
    enqueue: Enqueue,
    *,
    role: Role = "all",
    host: str = "127.0.0.1",
    find_job: FindJob = lambda _: None,
    jobs: JobQueue | None = None,
    lifespan: AbstractAsyncContextManager[None] | None = None,
) -> Starlette:
    """Put the application together.

    Args:
        store: Where the keys are; the caller closes it.
        enqueue: Adds a job to a transaction.
        role: Which half of the paths to serve.
        host: What the service is bound to; loopback callers need no credential to verify.
        find_job: Looks a job up by its id.
        jobs: What is shown of jobs; without it there is neither management API nor console.
        lifespan: What runs beside it (the job worker), entered and left with it.
    """
    client = httpx.AsyncClient(timeout=httpx.Timeout(5.0), follow_redirects=False)
    settings = store.settings
    senders = open_senders(settings, client)
    room = BodyRoom(_BODIES_AT_ONCE * settings.max_body)
    response = LeakResponse(store, enqueue)
    alerts = PartnerAlerts(senders, store, response, room)
    webhooks = Webhooks(store, response, enqueue, find_job, room)
    burn = BurnEndpoint(store, response, AddressLimit())
    verify = VerifyEndpoint(store, host)
    authorize = AuthorizeEndpoint(store, host)
    managing: Sequence[Route] = ()
    if jobs is not None and role != "public":
        reports = {} if role == "private" else {"POST": request_response(burn.receive)}
        managing = management_routes(Desk(store, jobs), Guard(store), reports)
    routes: dict[Role, list[Route]] = {
        "public": [
            Route("/github/partner-alerts", alerts.receive, methods=["POST"]),
            Route("/github/webhooks", webhooks.receive, methods=["POST"]),
            Route("/v1/leaks", burn.receive, methods=["POST"]),
        ],
        "private": [
            Route("/v1/verify", verify, methods=["POST"]),
            Route("/v1/authorize", authorize),
            # Envoy puts the path of the request behind the prefix it was told.
            Route("/v1/authorize/{original:path}", authorize),
            Route("/readyz", Readiness(store).readyz, methods=["GET"]),
            Route("/metrics", MetricsPage(jobs).show, methods=["GET"]),
            *managing,
            *(console_routes(store, jobs, host) if jobs is not None else ()),
        ],
    }

    @asynccontextmanager
    async def living(_app: Starlette) -> AsyncIterator[None]:
        async with client:
            if lifespan is None:
                yield
            else:
                async with lifespan:
                    yield
            for sender in senders:
                await sender.ring.close()

    busiest = {} if role == "public" else {("POST", "/v1/verify"): verify}
    # The private half first: what it has on a path of both answers for every method there.
    served = [route for half in _HALVES if role in {half, "all"} for route in routes[half]]
    app = Starlette(
        routes=[Route("/healthz", healthz, methods=["GET"]), *served],
        exception_handlers={HTTPException: _refused, Exception: _broken},
        lifespan=living,
    )
    # A redirect would send a browser to wherever the request says that it is.
    app.router.redirect_slashes = False
    # Outside of Starlette's own middleware, which costs a question a tenth of its time.
    app.middleware_stack = BeforeRouter(app.build_middleware_stack(), busiest)
    return app


async def _refused(_request: Request, error: Exception) -> Response:
    """What the router itself turns away."""
    status = error.status_code if isinstance(error, HTTPException) else INTERNAL.status
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    known = _BY_STATUS.get(status)
    return problem(known or Refusal(status, "refused", "The request was refused."), headers)


async def _broken(_request: Request, _error: Exception) -> Response:
    """A bug: the answer says nothing about it; the server logs it."""
    return problem(INTERNAL)


_HALVES: tuple[Role, ...] = ("private", "public")
_BY_STATUS = {refusal.status: refusal for refusal in (NOT_FOUND, METHOD_NOT_ALLOWED, INTERNAL)}
