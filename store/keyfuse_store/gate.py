"""The one decision behind both middlewares: may this HTTP request pass?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from keyfuse_store import answers
from keyfuse_store.answers import Answer
from keyfuse_store.credentials import (
    API_KEY_HEADER,
    Header,
    Misplaced,
    find_token,
    header_name,
)
from keyfuse_store.keystore import KeyStore
from keyfuse_store.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a request needs a key for; see `KeyStore.verify`.

    Attributes:
        scopes: All of these.
        any_of: One of these.
        resource: The one resource that is touched, for keys that are held to one.
        cost: How many calls this one counts for.
    """

    scopes: Sequence[str] = ()
    any_of: Sequence[str] = ()
    resource: str | None = None
    cost: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """What of a request is looked at."""

    headers: Iterable[Header]
    urls: Iterable[bytes]
    client_address: str | None
    user_agent: str | None = None


class Gate:
    """Lets requests pass that bring a key for what they want.

    Args:
        store: Where the keys are.
        header: One more header that may carry the key.
        realm: What the API calls itself in a challenge.

    Attributes:
        names: The headers that hold a key and nothing else, in lower case.

    Raises:
        ValueError: a header or realm that HTTP has no form for.
    """

    def __init__(self, store: KeyStore, *, header: str | None = None, realm: str = "api") -> None:
        if not realm.isascii() or not realm.isprintable() or '"' in realm or "\\" in realm:
            raise ValueError("realm: must be printable ASCII without quotes and backslashes")
        names = (API_KEY_HEADER,) if header is None else (API_KEY_HEADER, header)
        self._store = store
        self.names = tuple(map(header_name, names))
        self._realm = realm

    def decide(self, request: Incoming, need: Need, *, wait: bool = True) -> Verdict | Answer:
        """The verdict of a key that may pass, or the answer for a request that may not.

        Raises:
            InvalidField: the need itself is malformed.
            WouldWait: see `KeyStore.verify`.
        """
        token = find_token(request.headers, self.names, request.urls)
        if token is None:
            return answers.key_missing(self._realm)
        if isinstance(token, Misplaced):
            return answers.key_misplaced(self._realm, token)
        agent = request.user_agent
        verdict = self._store.verify(
            token,
            scopes=need.scopes,
            any_of=need.any_of,
            resource=need.resource,
            client_address=request.client_address,
            cost=need.cost,
            user_agent=agent if agent is not None and agent.isprintable() else None,
            holder=True,
            wait=wait,
        )
        if verdict.ok:
            return verdict
        return answers.refused(verdict, self._realm, [*need.scopes, *need.any_of])
