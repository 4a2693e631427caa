"""API keys for any WSGI application: Flask, Django, Pyramid, Bottle.

    app.wsgi_app = APIKeyMiddleware(app.wsgi_app, store, scopes=["invoices:read"])

The verdict is in `environ["keyfuse.verdict"]`.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from keyfuse_store.answers import Answer
from keyfuse_store.credentials import Header
from keyfuse_store.gate import Incoming, Need
from keyfuse_store.guard import Guard

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

Environ = dict[str, Any]
Application = Callable[[Environ, "StartResponse"], Iterable[bytes]]

VERDICT = "keyfuse.verdict"

__all__ = ["APIKeyMiddleware", "Need"]


class APIKeyMiddleware(Guard[Application, Environ]):
    """Guards a WSGI application; `Guard` says what it takes."""

    def __call__(self, environ: Environ, start_response: "StartResponse") -> Iterable[bytes]:
        """Serve one request."""
        need = self._need(environ)
        decision = None if need is None else self._gate.decide(self._incoming(environ), need)
        if isinstance(decision, Answer):
            length = ("Content-Length", str(len(decision.body)))
            start_response(decision.status_line, [*decision.headers, length])
            return [] if environ.get("REQUEST_METHOD") == "HEAD" else [decision.body]
        environ[VERDICT] = decision
        return self._app(environ, start_response)

    def _incoming(self, environ: Environ) -> Incoming:
        """What the gate looks at; WSGI keeps bytes as latin-1 text (PEP 3333)."""
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        return Incoming(
            headers=tuple(self._headers(environ)),
            urls=(f"{path}?{environ.get('QUERY_STRING', '')}".encode("latin-1", "replace"),),
            client_address=environ.get("REMOTE_ADDR"),
            user_agent=environ.get("HTTP_USER_AGENT"),
        )

    def _headers(self, environ: Environ) -> Iterator[Header]:
        for name in (b"authorization", *self._gate.names):
            value = environ.get(f"HTTP_{name.decode().upper().replace('-', '_')}")
            if value is not None:
                yield name, value.encode("latin-1", "replace")
