"""`/v1/authorize`: what an API gateway asks before it lets a request through.

nginx, Caddy and Envoy understand three things: 200 lets through, 401, 403 and 429 are handed on.
Nothing else is ever answered: nginx makes a 500 of it, and Envoy can be told to let requests
through when the verifier fails.
"""

import logging
from collections.abc import Iterable
from urllib.parse import quote

from keyfuse_store import InvalidField, KeyStore, Verdict
from keyfuse_store.answers import Answer, problem
from keyfuse_store.asgi import Receive, Scope, Send, decide, incoming, respond
from keyfuse_store.credentials import Header
from keyfuse_store.gate import Gate, Incoming, Need
from keyfuse_store.model import Holder
from keyfuse_store.scopes import intersect
from keyfuse_webhook.verify_endpoint import ASKING, is_loopback

REQUIRED = b"x-keyfuse-require-scopes"
CREDENTIAL = b"x-keyfuse-credential"
# Where gateways tell the address the client asked for; it is looked at for keys only.
_ORIGINAL_URLS = frozenset({b"x-original-uri", b"x-original-url", b"x-forwarded-uri"})
# What no gateway hands on faithfully, as what it can.
_HANDED_ON = {400: 401, 503: 403}

_log = logging.getLogger(__name__)


class AuthorizeEndpoint:
    """An ASGI application that answers gateways.

    Args:
        bound_to: The host the service listens on; gateways need no credential on loopback.
    """

    def __init__(self, store: KeyStore, bound_to: str) -> None:
        self._open = store.settings.open_verify or is_loopback(bound_to)
        self._clients = Gate(store)
        self._gateways = Gate(store, realm="keyfuse")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one question."""
        request = incoming(scope)
        headers = tuple(request.headers)
        answer = await self._gateway(request, headers) or await self._client(request, headers)
        await respond(answer, scope, receive, send)

    async def _gateway(self, request: Incoming, headers: Iterable[Header]) -> Answer | None:
        """The refusal for a gateway without the right to ask, or None."""
        if self._open:
            return None
        own = [(b"x-api-key", value) for name, value in headers if name.lower() == CREDENTIAL]
        asking = Incoming(headers=own, urls=(), client_address=request.client_address)
        verdict = await decide(self._gateways, asking, ASKING)
        if isinstance(verdict, Verdict):
            return None
        _log.error("a gateway asked without a valid key of its own in X-Keyfuse-Credential")
        return problem(403, "gateway_credential", "This gateway may not ask.")

    async def _client(self, request: Incoming, headers: tuple[Header, ...]) -> Answer:
        urls = [value for name, value in headers if name.lower() in _ORIGINAL_URLS]
        asked = Incoming(
            headers=headers,
            urls=(*request.urls, *urls),
            client_address=request.client_address,
            user_agent=request.user_agent,
        )
        try:
            decision = await decide(self._clients, asked, Need(scopes=_required(headers)))
        except (InvalidField, UnicodeDecodeError):
            _log.error("X-Keyfuse-Require-Scopes does not list concrete scopes; check the gateway")
            return problem(403, "invalid_requirement", "What is needed here is not clear.")
        if isinstance(decision, Answer):
            return decision._replace(status=_HANDED_ON.get(decision.status, decision.status))
        assert decision.holder is not None
        return Answer(200, _identity(decision.holder), b"")


def _required(headers: Iterable[Header]) -> list[str]:
    """Every scope in every such header: what a client could smuggle in only asks for more."""
    lists = (value.decode("ascii") for name, value in headers if name.lower() == REQUIRED)
    return [scope for text in lists for scope in text.replace(",", " ").split()]


def _identity(key: Holder) -> tuple[tuple[str, str], ...]:
    """Whose key it is and what it may do, for the service behind the gateway."""
    kept = key.quarantine_scopes
    scopes = key.scopes if kept is None else intersect(" ".join(key.scopes), " ".join(kept)).split()
    return (
        ("x-keyfuse-key-id", key.id),
        ("x-keyfuse-owner", quote(key.owner, safe="!#$&'*+/=?^_`{|}~.@-")),
        ("x-keyfuse-scopes", " ".join(scopes)),
        ("cache-control", "no-store"),
    )
