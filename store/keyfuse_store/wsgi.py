"""API keys for any WSGI application: Flask, Django, Pyramid, Bottle.

    app.wsgi_app = APIKeyMiddleware(app.wsgi_app, store, scopes=["invoices:read"])

The verdict is in `environ["keyfuse.verdict"]`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from keyfuse_store.answers import Answer
from keyfuse_store.credentials import API_KEY_HEADER, Header
from keyfuse_store.gate import Gate, Incoming, Need
from keyfuse_store.keystore import KeyStore

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

Environ = dict[str, Any]

VERDICT = "keyfuse.verdict"

__all__ = ["APIKeyMiddleware", "Need"]


class APIKeyMiddleware:
    """Lets requests through that bring a valid key; answers the others itself.

    Args:
        app: The application behind it.
        store: Where the keys are; whoever opened it closes it.
        scopes: What every request needs, all of them.
        any_of: What every request needs, one of them.
        need: What one request needs, from its environment; None for a request that needs no key.
            Instead of `scopes` and `any_of`.
        header: One more header that may carry the key, beside `Authorization` and `X-API-Key`.
        realm: What the API calls itself in a challenge.

    Raises:
        ValueError: arguments that contradict each other, or that HTTP has no form for.
    """

    def __init__(
        self,
        app: "WSGIApplication",
        store: KeyStore,
        *,
        scopes: Sequence[str] = (),
        any_of: Sequence[str] = (),
        need: Callable[[Environ], Need | None] | None = None,
        header: str | None = None,
        realm: str = "api",
    ) -> None:
        if need is not None and (scopes or any_of):
            raise ValueError("need: says all there is to say; leave scopes and any_of out")
        always = Need(scopes=scopes, any_of=any_of)
        names = ("Authorization", API_KEY_HEADER, *([] if header is None else [header]))
        self._app = app
        self._need = need or (lambda _environ: always)
        self._gate = Gate(store, header=header, realm=realm)
        self._variables = {f"HTTP_{name.upper().replace('-', '_')}": name for name in names}

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
        for variable, name in self._variables.items():
            if variable in environ:
                yield name.encode(), environ[variable].encode("latin-1", "replace")
