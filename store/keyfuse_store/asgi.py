"""API keys for any ASGI application: FastAPI, Starlette, Litestar, Django, Quart.

    app.add_middleware(APIKeyMiddleware, store=store, scopes=["invoices:read"])

The verdict is in `scope["state"]["keyfuse"]`, for Starlette and FastAPI `request.state.keyfuse`.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeVar

from keyfuse_store.answers import Answer
from keyfuse_store.errors import WouldWait
from keyfuse_store.gate import Gate, Incoming, Need
from keyfuse_store.guard import Guard
from keyfuse_store.verdict import Verdict

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

T = TypeVar("T")

STATE = "keyfuse"
# RFC 6455: the endpoint closes because a message violates its policy.
_POLICY_VIOLATION = 1008
_DENIAL = "websocket.http.response"

__all__ = ["APIKeyMiddleware", "Need", "decide", "incoming", "respond", "unhurried"]


class APIKeyMiddleware(Guard[Application, Scope]):
    """Guards an ASGI application; `Guard` says what it takes."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        need = self._need(scope)
        decision = None if need is None else await decide(self._gate, incoming(scope), need)
        if isinstance(decision, Answer):
            await respond(decision, scope, receive, send)
            return
        scope.setdefault("state", {})[STATE] = decision
        await self._app(scope, receive, send)


async def decide(gate: Gate, request: Incoming, need: Need) -> Verdict | Answer:
    """Ask the gate."""
    return await unhurried(lambda wait: gate.decide(request, need, wait=wait))


async def unhurried(ask: Callable[[bool], T]) -> T:
    """Ask the store at once where the answer takes microseconds, else again in a thread.

    Args:
        ask: Takes `wait` of `KeyStore.verify`.
    """
    try:
        return ask(False)
    except WouldWait:
        pass
    return await asyncio.get_running_loop().run_in_executor(None, ask, True)


def incoming(scope: Scope) -> Incoming:
    """What the gate looks at, from an ASGI scope."""
    path = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogatepass")
    client = scope.get("client")
    headers = tuple(scope["headers"])
    agents = (value.decode("latin-1") for name, value in headers if name.lower() == b"user-agent")
    return Incoming(
        headers=headers,
        urls=(path + b"?" + scope.get("query_string", b""),),
        client_address=None if client is None else client[0],
        user_agent=next(agents, None),
    )


async def respond(answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    """Send a whole answer, or refuse a WebSocket with it as far as the server can say it."""
    start = "http.response"
    if scope["type"] == "websocket":
        if _DENIAL not in (scope.get("extensions") or {}):
            await receive()
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
            return
        start = _DENIAL
    headers = [
        *((name.encode(), value.encode()) for name, value in answer.headers),
        (b"content-length", str(len(answer.body)).encode()),
    ]
    body = b"" if scope.get("method") == "HEAD" else answer.body
    await send({"type": f"{start}.start", "status": answer.status, "headers": headers})
    await send({"type": f"{start}.body", "body": body})
