"""Coming in with a management key or a one-time link, and going out.

A link shows a button, and only the button uses it up: what looks links up before people do (mail
scanners, chat previews) opens nothing.
"""

import asyncio

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from keyfuse_store.errors import DatabaseError
from keyfuse_store.principal import Principal
from keyfuse_webhook.console import sessions
from keyfuse_webhook.console.desk import Desk
from keyfuse_webhook.console.endpoint import UNAVAILABLE, refused
from keyfuse_webhook.console.forms import Form, read_form
from keyfuse_webhook.console.render import page
from keyfuse_webhook.console.sessions import Opening
from keyfuse_webhook.console.visit import Visit, go_to
from keyfuse_webhook.management.guard import Guard, address_of
from keyfuse_webhook.problem import Refusal

_BAD_KEY = "No management key in force opens the console with that."
_SLOW = "Too many attempts; wait a minute."
_USED = "This link was used before, or is older than five minutes. Ask for a new one."
_TOO_MANY = 429

_log = structlog.get_logger(__name__)


class Door:
    """Opens and ends the sessions of one entrance."""

    def __init__(self, desk: Desk, guard: Guard) -> None:
        self._desk = desk
        self._store = desk.store
        self._guard = guard

    async def sign_in_page(self, request: Request) -> Response:
        """The form for a key."""
        refusal = self._desk.turn_away(request, writes=False)
        return refused(refusal) if refusal else page("sign_in.html", problem="")

    async def sign_in(self, request: Request) -> Response:
        """Come in with a management key."""
        form = await self._form(request)
        if isinstance(form, Response):
            return form
        found = await self._guard.prove(form.get("key", ""), address_of(request.scope))
        if not isinstance(found, Principal):
            slow = found.status == _TOO_MANY
            problem = _SLOW if slow else _BAD_KEY
            return page("sign_in.html", _TOO_MANY if slow else 401, problem=problem)
        return await self._open(request, Opening(found.key_id), "key")

    async def link_page(self, request: Request) -> Response:
        """The button that uses a link up; whether it is any good is not told before."""
        refusal = self._desk.turn_away(request, writes=False)
        return refused(refusal) if refusal else self._button()

    async def use_link(self, request: Request) -> Response:
        """Come in with a one-time link."""
        form = await self._form(request)
        if isinstance(form, Response):
            return form
        return await self._open(request, None, "link")

    def sign_out(self, visit: Visit) -> Response:
        """End the session, in the browser and here."""
        with self._store.begin() as connection:
            sessions.end_session(connection, visit.session)
        return self._desk.with_cookie(go_to(self._desk.entrance.sign_in), "")

    async def _form(self, request: Request) -> Form | Response:
        refusal = self._desk.turn_away(request, writes=True)
        try:
            form = refusal or await read_form(request)
        except ClientDisconnect:
            return Response(status_code=400)
        return refused(form) if isinstance(form, Refusal) else form

    async def _open(self, request: Request, opening: Opening | None, by: str) -> Response:
        try:
            token = await asyncio.to_thread(self._begin, request, opening, by)
        except DatabaseError as error:
            _log.error("console_without_database", error=str(error))
            return refused(UNAVAILABLE)
        if token is None:
            return self._button(410, _USED)
        return self._desk.with_cookie(go_to(self._desk.entrance.home), token)

    def _begin(self, request: Request, opening: Opening | None, by: str) -> str | None:
        """A session for an opening, or for what the link in the path opens, if it still does.

        Its token is new, whatever the browser brought; the session it had ends.
        """
        at, portal = self._store.clock(), self._desk.entrance.portal
        with self._store.begin() as connection:
            if opening is None:
                link = request.path_params["link"]
                opening = sessions.take_link(connection, link, portal=portal, at=at)
            if opening is None:
                return None
            sessions.end_session(connection, sessions.digest_of(self._desk.cookie_of(request)))
            self._store.audit.append(
                connection,
                action="portal.signed_in" if portal else "console.signed_in",
                actor=f"key:{opening.key_id}",
                subject=opening.owner_id or opening.key_id,
                at=at,
                detail={"by": by},
                origin=address_of(request.scope),
            )
            return sessions.begin_session(connection, opening, at=at)

    def _button(self, status: int = 200, problem: str = "") -> Response:
        return page("link.html", status, problem=problem, portal=self._desk.entrance.portal)
