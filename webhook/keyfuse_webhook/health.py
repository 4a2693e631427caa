"""Is the process alive, and is it fit to serve? Third parties are never asked."""

import asyncio

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from keyfuse_store import KeyStore, StoreError
from keyfuse_webhook.problem import Refusal, problem

NOT_READY = Refusal(503, "not_ready", "The database or its peppers cannot be used.", 5)

_log = structlog.get_logger(__name__)


async def healthz(_request: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


class Readiness:
    """Schema and peppers fit: keys can be verified and killed."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store

    async def readyz(self, _request: Request) -> Response:
        """Look at the database as it is now."""
        try:
            await asyncio.to_thread(self._store.check)
        except StoreError as error:
            _log.error("not_ready", error=str(error))
            return problem(NOT_READY)
        return JSONResponse({"status": "ready"})
