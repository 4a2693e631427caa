"""One operation over HTTP: guard, read, carry out in a thread, answer."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect

from keyfuse_store import StoreError
from keyfuse_store.answers import Answer
from keyfuse_store.asgi import Receive, Scope, Send, respond
from keyfuse_store.once import Once, once
from keyfuse_store.principal import Principal
from keyfuse_webhook.bodies import receive_body
from keyfuse_webhook.errors import WebhookError
from keyfuse_webhook.management.guard import Guard, address_of
from keyfuse_webhook.management.model import (
    JSON_LINES,
    AnyOperation,
    Call,
    Desk,
    Nothing,
    Said,
)
from keyfuse_webhook.management.reading import (
    check_media_type,
    idempotency_key,
    read_json,
    read_query,
    seen_version,
)
from keyfuse_webhook.management.refusals import Unfit, refusal, refused
from keyfuse_webhook.problem import Refusal

_encode = msgspec.json.Encoder().encode
_canonical = msgspec.json.Encoder(order="deterministic").encode


class Endpoint:
    """An ASGI application that carries out one operation."""

    def __init__(self, operation: AnyOperation, desk: Desk, guard: Guard) -> None:
        self._operation = operation
        self._desk = desk
        self._guard = guard
        self._decoder: msgspec.json.Decoder[msgspec.Struct] = msgspec.json.Decoder(operation.body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        caller = await self._guard.admit(scope, self._operation.scope)
        if isinstance(caller, Answer):
            return await respond(caller, scope, receive, send)
        try:
            call = await self._read(caller, scope, receive)
            answer = await self._carry_out(call)
        except ClientDisconnect:
            return None
        except Unfit as error:
            answer = refusal(error.status, **error.members)
        except (StoreError, WebhookError) as error:
            found = refused(error, scope.get("path_params", {}))
            if found is None:
                raise
            answer = found
        return await respond(answer, scope, receive, send)

    async def _carry_out(self, call: Call[Any]) -> Answer:
        said = await asyncio.to_thread(self._operation.run, self._desk, call)
        return _answer(said, lines=self._operation.answers[said.status].shape is None)

    async def _read(self, caller: Principal, scope: Scope, receive: Receive) -> Call[Any]:
        operation, headers = self._operation, scope["headers"]
        query = read_query(operation.query, scope.get("query_string", b""))
        body = await self._body(scope, receive)
        path: Mapping[str, str] = scope.get("path_params", {})
        if not all(text.isprintable() for text in path.values()):
            raise Unfit(404)
        return Call(
            caller=caller,
            origin=address_of(scope),
            path=path,
            asked=query if operation.method == "GET" else body,
            once=self._once(caller, scope, body) if operation.idempotent else None,
            version=seen_version(headers) if operation.conditional else None,
        )

    async def _body(self, scope: Scope, receive: Receive) -> msgspec.Struct:
        operation = self._operation
        if operation.body is Nothing:
            return Nothing()
        raw = await receive_body(scope, receive, operation.largest)
        if isinstance(raw, Refusal):
            raise Unfit(raw.status)
        if not raw and not operation.body_required:
            raw = b"{}"
        else:
            check_media_type(scope["headers"])
        return read_json(self._decoder, raw)

    def _once(self, caller: Principal, scope: Scope, body: msgspec.Struct) -> Once | None:
        key = idempotency_key(scope["headers"])
        if key is None:
            return None
        request = f"{scope['method']} {scope['path']}\n".encode() + _canonical(body)
        return once(key, caller=caller.actor, request=request)


class Methods:
    """An ASGI application that hands the methods of one path to their endpoints."""

    def __init__(self, endpoints: Mapping[str, Callable[..., Any]]) -> None:
        self._endpoints = dict(endpoints)
        if "GET" in endpoints:
            self._endpoints["HEAD"] = endpoints["GET"]
        self._allow = ", ".join(self._endpoints)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Dispatch one request."""
        endpoint = self._endpoints.get(scope["method"])
        if endpoint is None:
            answer = refusal(405, ("allow", self._allow))
            return await respond(answer, scope, receive, send)
        await endpoint(scope, receive, send)
        return None


def _answer(said: Said, *, lines: bool) -> Answer:
    body = said.body if lines else _encode(said.body)
    headers = (
        ("content-type", JSON_LINES if lines else "application/json"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        *said.headers.items(),
    )
    return Answer(said.status, headers, body)
