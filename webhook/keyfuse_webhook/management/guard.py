"""Who may manage: a management key with the scope of the operation, and not too often.

The scopes are listed in `keyfuse_store.scopes`, what their holder may do to other management keys
in `keyfuse_store.principal`.
"""

import math

from keyfuse_store import KeyStore
from keyfuse_store.answers import Answer, problem
from keyfuse_store.asgi import Scope, decide, incoming
from keyfuse_store.gate import Gate, Need
from keyfuse_store.limits import parse_rates
from keyfuse_store.principal import Principal, principal
from keyfuse_store.rates.process import ProcessRates
from keyfuse_store.times import SECOND
from keyfuse_webhook.address_limit import AddressLimit, plain_address

# Whose key is refused with these may have been guessing.
_SUSPICIOUS = frozenset({400, 401})


class Guard:
    """Lets management keys through; one guard counts for all that it guards.

    Args:
        store: Where the keys are.
        refused: Counts refused keys by address.
    """

    def __init__(self, store: KeyStore, refused: AddressLimit | None = None) -> None:
        self._store = store
        self._gate = Gate(store, realm="keyfuse")
        self._refused = AddressLimit() if refused is None else refused
        self._rates = ProcessRates()
        self._rate = store.settings.management_rate

    async def admit(self, scope: Scope, needed: str | None = None) -> Principal | Answer:
        """Whoever sends this request, or the answer to somebody who may not.

        Args:
            scope: The ASGI scope of the request.
            needed: The scope of the namespace `keyfuse:` that it takes; None for any management
                key.
        """
        request = incoming(scope)
        need = Need(scopes=() if needed is None else (needed,))
        decision = await decide(self._gate, request, need)
        if isinstance(decision, Answer):
            return self._counted(decision, request.client_address)
        assert decision.key is not None
        found = principal(decision.key)
        if found is None:
            return problem(403, "insufficient_scope", "The API key does not cover this.")
        return self._slowed(found)

    async def prove(self, token: str, address: str | None) -> Principal | Answer:
        """The same for a key that came in another way: a form to sign in with."""
        header = (b"authorization", b"Bearer " + token.encode("utf-8", "replace"))
        client = None if address is None else (address, 0)
        return await self.admit({"path": "/", "headers": [header], "client": client})

    def _counted(self, answer: Answer, address: str | None) -> Answer:
        if answer.status not in _SUSPICIOUS:
            return answer
        wait = self._refused.wait(address)
        if not wait:
            return answer
        fields = {name.lower(): value for name, value in self._refused.headers(wait).items()}
        return _too_many(wait, *fields.items())

    def _slowed(self, found: Principal) -> Principal | Answer:
        refusal = self._rates.take(found.key_id, self._rate, 1, self._store.clock())
        if refusal is None:
            return found
        wait = max(1, math.ceil(refusal.wait))
        (rate,) = parse_rates(self._rate)
        return _too_many(
            wait,
            ("ratelimit-policy", f'"management";q={rate.calls};w={rate.period // SECOND}'),
            ("ratelimit", f'"management";r=0;t={wait}'),
        )


def address_of(scope: Scope) -> str | None:
    """From where a request comes, as the audit record keeps it."""
    client = scope.get("client")
    return None if client is None else plain_address(client[0])


def _too_many(wait: int, *fields: tuple[str, str]) -> Answer:
    title = "Too many requests; wait before the next."
    return problem(429, "rate_limited", title, ("retry-after", str(wait)), *fields)
