"""What every request of the console passes: host, origin, session, the key behind it."""

from typing import NamedTuple

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from keyfuse_store import KeyStore, keys
from keyfuse_store.principal import Principal, principal, still_principal
from keyfuse_store.verify import standing
from keyfuse_webhook.console import headers, sessions
from keyfuse_webhook.console.forms import Form
from keyfuse_webhook.console.place import Place
from keyfuse_webhook.console.sessions import Session
from keyfuse_webhook.console.visit import Visit
from keyfuse_webhook.jobs import JobQueue
from keyfuse_webhook.management.guard import address_of
from keyfuse_webhook.problem import Refusal

CLOSED = Refusal(
    503,
    "console_closed",
    "The console is closed: set KEYFUSE_BASE_URL to the https address that browsers use.",
)
WRONG_HOST = Refusal(421, "wrong_host", "This is not the address of this console.")
WRONG_ORIGIN = Refusal(403, "wrong_origin", "This request did not come from a page of the console.")


class Entrance(NamedTuple):
    """One of the two ways in.

    Attributes:
        cookie: What its cookie is called.
        home: Its first page.
        sign_in: Where somebody without a session is sent.
        portal: Whether its sessions are those of owners.
    """

    cookie: str
    home: str
    sign_in: str
    portal: bool


CONSOLE = Entrance("keyfuse-console", "/console", "/console/sign-in", portal=False)
PORTAL = Entrance("keyfuse-portal", "/portal", "/portal/ended", portal=True)


class Desk:
    """Tells for one entrance who is there, and whether he may come in."""

    def __init__(
        self, store: KeyStore, queue: JobQueue, place: Place | None, entrance: Entrance
    ) -> None:
        self.store = store
        self.entrance = entrance
        self._queue = queue
        self._place = place

    def turn_away(self, request: Request, *, writes: bool) -> Refusal | None:
        """Why a request does not even reach the session, if it does not."""
        host = request.headers.get("host", "")
        if self._place is None:
            return CLOSED
        if not self._place.is_host(host):
            return WRONG_HOST
        if writes:
            fine = headers.may_write(request.headers, self._place, host)
        else:
            fine = headers.may_read(request.headers)
        return None if fine else WRONG_ORIGIN

    def visit(self, request: Request, query: Form, form: Form) -> Visit | None:
        """Who is visiting; None where the session, or the key behind it, is over."""
        token, at = self.cookie_of(request), self.store.clock()
        address = address_of(request.scope)
        with self.store.read() as connection:
            portal = self.entrance.portal
            session = sessions.find_session(connection, token, portal=portal, at=at)
            if session is None:
                return None
            who = self._behind(connection, session, address, at)
        if who is None:
            return None
        self._keep_alive(request, session, at)
        return Visit(
            store=self.store,
            queue=self._queue,
            who=who,
            session=session.digest,
            owner_id=session.opening.owner_id,
            at=at,
            address=address,
            form_token=sessions.form_token(token),
            path=dict(request.path_params),
            query=query,
            form=form,
        )

    def cookie_of(self, request: Request) -> str:
        """The token of the session that a request claims, or nothing."""
        assert self._place is not None
        return request.cookies.get(self._place.cookie(self.entrance.cookie), "")

    def with_cookie(self, response: Response, token: str) -> Response:
        """The response that begins a session in the browser, or ends it (no token).

        Lax, so that a link in a mail finds somebody signed in: no GET changes anything.
        """
        assert self._place is not None
        response.set_cookie(
            self._place.cookie(self.entrance.cookie),
            token,
            max_age=None if token else 0,
            path="/",
            secure=self._place.secure,
            httponly=True,
            samesite="lax",
        )
        return response

    def to_sign_in(self, request: Request) -> Response:
        """Where somebody without a session goes, and what a page that updates itself is told."""
        where = self.entrance.sign_in
        if "hx-request" in request.headers:
            return Response(status_code=200, headers={**headers.HEADERS, "HX-Redirect": where})
        return RedirectResponse(where, 303, headers={**headers.HEADERS, **headers.PRIVATE})

    def _behind(
        self, connection: Connection, session: Session, address: str | None, at: int
    ) -> Principal | None:
        """The holder of the key that a session stands and falls with."""
        key_id = session.opening.key_id
        if not self.entrance.portal:
            return still_principal(connection, key_id, address=address, at=at)
        # An owner is not where the host application is.
        key = keys.get(connection, key_id)
        return principal(key) if standing(key, at) is None else None

    def _keep_alive(self, request: Request, session: Session, at: int) -> None:
        """A page that updates itself keeps no session alive."""
        if "hx-request" not in request.headers and sessions.is_stale(session, at):
            with self.store.begin() as connection:
                sessions.touch(connection, session, at=at)
