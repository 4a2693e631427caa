"""The few paths that are asked a hundred times as often as all others, reached without routing."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send


class BeforeRouter:
    """Middleware that hands exact pairs of method and path to their endpoints.

    They stay routes as well: the router answers for every other method.
    """

    def __init__(self, app: ASGIApp, endpoints: Mapping[tuple[str, str], ASGIApp]) -> None:
        self._app = app
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Dispatch one request."""
        app = self._app
        if scope["type"] == "http":
            app = self._endpoints.get((scope["method"], scope["path"]), app)
        await app(scope, receive, send)
