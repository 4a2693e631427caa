"""Is the process alive, and is it fit to serve? Third parties are never asked."""

import asyncio

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from keyfuse_store import KeyStore, StoreError, readiness
from keyfuse_webhook.problem import Refusal, problem

NOT_READY = Refusal(503, "not_ready", "The database or its peppers cannot be used.", 5)

_log = structlog.get_logger(__name__)


async def healthz(_request: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


class Readiness:
    """Schema and peppers fit, and a commit gets through: keys can be verified and killed."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store
        self._looking: asyncio.Task[str | None] | None = None

    async def readyz(self, _request: Request) -> Response:
        """Look at the database as it is now; whoever asks meanwhile gets the same answer.

        A locked database takes seconds to be told from a busy one: many who ask must not take
        all the threads there are.
        """
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        reason = await asyncio.shield(self._looking)
        if reason is not None:
            return problem(NOT_READY, reason=reason)
        return JSONResponse({"status": "ready"})

    async def _look(self) -> str | None:
        """One word for what is wrong, or None."""
        try:
            await asyncio.to_thread(self._store.check)
        except StoreError as error:
            _log.error("not_ready", error=str(error))
            return readiness.reason(error)
        return None
