"""A page as the router calls it: past the desk, into a thread, and back with a response.

A handler is a plain function, since it waits for the database. What it raises of ours becomes a
page that says so.
"""

import asyncio
from collections.abc import Callable, Mapping

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from keyfuse_store import KeyNotFound
from keyfuse_store.errors import (
    AlreadyDone,
    DatabaseError,
    InvalidField,
    NotPermitted,
    OwnerNotFound,
    StateConflict,
    StoreError,
)
from keyfuse_webhook.console import sessions
from keyfuse_webhook.console.desk import WRONG_ORIGIN, Desk
from keyfuse_webhook.console.forms import Form, parse_form, read_form
from keyfuse_webhook.console.render import page
from keyfuse_webhook.console.visit import NotThere, Visit, go_to
from keyfuse_webhook.errors import WebhookError
from keyfuse_webhook.job_control import JobNotDead, JobNotFound
from keyfuse_webhook.jobs import JobsUnavailable
from keyfuse_webhook.problem import Refusal

Handler = Callable[[Visit], Response]

NO_PAGE = Refusal(404, "not_found", "There is no such page.")
UNAVAILABLE = Refusal(503, "unavailable", "The database does not answer; try again in a moment.", 5)

_STATUSES: Mapping[type[Exception], int] = {
    NotThere: 404,
    KeyNotFound: 404,
    OwnerNotFound: 404,
    JobNotFound: 404,
    InvalidField: 400,
    NotPermitted: 403,
    StateConflict: 409,
    AlreadyDone: 409,
    JobNotDead: 409,
}
_TITLES = {
    400: "That could not be done as asked.",
    403: "The key you signed in with does not cover this.",
    404: "That does not exist.",
    409: "That is not possible as things stand.",
}

_log = structlog.get_logger(__name__)


class Endpoint:
    """One page.

    Args:
        desk: What it is behind.
        handler: Makes the response.
        scope: What it takes to see it, if anything but a session.
        writes: Whether it is a form that changes something.
    """

    def __init__(
        self, desk: Desk, handler: Handler, scope: str | None = None, *, writes: bool = False
    ) -> None:
        self._desk = desk
        self._handler = handler
        self._scope = scope
        self._writes = writes

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        refusal = self._desk.turn_away(request, writes=self._writes)
        if refusal is None and "\0" in request.scope["path"]:
            refusal = NO_PAGE
        query = parse_form(request.scope["query_string"])
        try:
            form = await read_form(request) if self._writes and refusal is None else {}
        except ClientDisconnect:
            return Response(status_code=400)
        if refusal is not None:
            return refused(refusal)
        if isinstance(query, Refusal):
            return refused(query)
        if isinstance(form, Refusal):
            return refused(form)
        return await asyncio.to_thread(self._answer, request, query, form)

    def _answer(self, request: Request, query: Form, form: Form) -> Response:
        try:
            visit = self._desk.visit(request, query, form)
            if visit is None:
                return self._desk.to_sign_in(request)
            token = self._desk.cookie_of(request)
            if self._writes and not sessions.is_form_token(token, form.get("form", "")):
                return refused(WRONG_ORIGIN)
            if self._scope is not None and not visit.may(self._scope):
                return visit.page("refused.html", 403, title=_TITLES[403], message=self._scope)
            return self._handled(visit)
        except (DatabaseError, JobsUnavailable) as error:
            _log.error("console_without_database", error=str(error))
            return refused(UNAVAILABLE)

    def _handled(self, visit: Visit) -> Response:
        """The page, or one that says what stands in the way of it."""
        try:
            return self._handler(visit)
        except (StoreError, WebhookError) as error:
            status = _STATUSES.get(type(error))
            if status is None:
                raise
            return visit.page("refused.html", status, title=_TITLES[status], message=str(error))


def refused(refusal: Refusal) -> Response:
    """A refusal as a page, for somebody who need not be signed in."""
    response = page("refused_outside.html", refusal.status, refusal=refusal)
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response


async def ended(_request: Request) -> Response:
    """Where an owner comes to whose session is over: a new link is the application's to give."""
    return page("portal_ended.html")


async def to_console(_request: Request) -> Response:
    """Where a slash too many leads."""
    return go_to("/console")


async def no_page(_request: Request) -> Response:
    """Where there is nothing."""
    return refused(NO_PAGE)
