"""The few paths that are asked a hundred times as often as all others, reached without routing."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from keyfuse_webhook.problem import INTERNAL, problem


class BeforeRouter:
    """Hands exact pairs of method and path to their endpoints, and all else to the application.

    They stay routes as well: the router answers for every other method. It stands outside of all
    middleware, so it answers for a bug in an endpoint itself; the server logs it.
    """

    def __init__(self, app: ASGIApp, endpoints: Mapping[tuple[str, str], ASGIApp]) -> None:
        self._app = app
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Dispatch one request."""
        endpoint = None
        if scope["type"] == "http":
            endpoint = self._endpoints.get((scope["method"], scope["path"]))
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        try:
            await endpoint(scope, receive, send)
        except Exception:
            await problem(INTERNAL)(scope, receive, send)
            raise
