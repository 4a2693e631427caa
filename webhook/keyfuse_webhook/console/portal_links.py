"""`POST /v1/portal-sessions`: a host application gets a link for one of its people."""

import asyncio

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from keyfuse_store import KeyStore, owners
from keyfuse_store.answers import Answer
from keyfuse_store.errors import DatabaseError, InvalidField, NotPermitted, OwnerNotFound
from keyfuse_store.principal import Principal
from keyfuse_store.times import rfc3339
from keyfuse_webhook.bodies import read_body
from keyfuse_webhook.console.desk import CLOSED
from keyfuse_webhook.console.endpoint import UNAVAILABLE
from keyfuse_webhook.console.place import Place
from keyfuse_webhook.console.sessions import LINK_LIFE, Opening, make_link
from keyfuse_webhook.management.guard import Guard, address_of
from keyfuse_webhook.management.others import PortalRequest
from keyfuse_webhook.problem import Refusal, problem

SCOPE = "keyfuse:portal.write"
_LARGEST = 4096

BAD_REQUEST = Refusal(400, "invalid_request", 'Send a JSON object: {"owner": id or mail address}.')
NOT_PERMITTED = Refusal(403, "insufficient_scope", "The management key does not cover this.")
NO_OWNER = Refusal(404, "owner_not_found", "There is no such owner.")


class PortalLinks:
    """Makes links to the portal; each works once, within five minutes."""

    def __init__(self, store: KeyStore, guard: Guard, place: Place | None) -> None:
        self._store = store
        self._guard = guard
        self._place = place

    async def make(self, request: Request) -> Response:
        """Answer one request."""
        caller = await self._guard.admit(request.scope, SCOPE)
        if isinstance(caller, Answer):
            return Response(caller.body, caller.status, dict(caller.headers))
        if self._place is None:
            return problem(CLOSED)
        try:
            body = await read_body(request, _LARGEST)
        except ClientDisconnect:
            return Response(status_code=400)
        if isinstance(body, Refusal):
            return problem(body)
        base = self._place.base(request.scope["server"])
        origin = address_of(request.scope)
        return await asyncio.to_thread(self._answer, caller, body, base, origin)

    def _answer(self, caller: Principal, body: bytes, base: str, origin: str | None) -> Response:
        try:
            wanted = msgspec.json.decode(body, type=PortalRequest)
            owner_id, token, at = self._make(caller, wanted.owner, origin)
        except (msgspec.MsgspecError, InvalidField, UnicodeError):
            return problem(BAD_REQUEST)
        except OwnerNotFound:
            return problem(NO_OWNER)
        except NotPermitted:
            return problem(NOT_PERMITTED)
        except DatabaseError:
            return problem(UNAVAILABLE)
        answer = {
            "link": f"{base}/portal/login/{token}",
            "owner_id": owner_id,
            "expires": rfc3339(at + LINK_LIFE),
        }
        return JSONResponse(answer, 201, headers={"Cache-Control": "no-store"})

    def _make(self, caller: Principal, owner: str, origin: str | None) -> tuple[str, str, int]:
        store = self._store
        with store.begin() as connection:
            by = store.by(store.acting(connection, caller, origin, SCOPE), origin)
            owner_id = owners.get(connection, owner).id
            token = make_link(connection, Opening(caller.key_id, owner_id), at=by["at"])
            store.audit.append(connection, action="portal.link_made", subject=owner_id, **by)
        return owner_id, token, by["at"]
