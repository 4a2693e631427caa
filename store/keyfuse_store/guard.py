"""What both middlewares take, whatever the protocol: the application, the store, and the need."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from keyfuse_store.gate import Gate, Need
from keyfuse_store.keystore import KeyStore
from keyfuse_store.scopes import check_asked

App = TypeVar("App")
Request = TypeVar("Request")


class Guard(Generic[App, Request]):
    """Lets requests through that bring a valid key; answers the others itself.

    Args:
        app: The application behind it.
        store: Where the keys are; whoever opened it closes it.
        scopes: What every request needs, all of them.
        any_of: What every request needs, one of them.
        need: What one request needs, from its ASGI scope or WSGI environment; None for a request
            that needs no key. Instead of `scopes` and `any_of`.
        header: One more header that may carry the key, beside `Authorization` and `X-API-Key`.
        realm: What the API calls itself in a challenge.

    Raises:
        ValueError: arguments that contradict each other, or that HTTP has no form for.
        InvalidField: what every request needs is malformed.
    """

    def __init__(
        self,
        app: App,
        store: KeyStore,
        *,
        scopes: Sequence[str] = (),
        any_of: Sequence[str] = (),
        need: Callable[[Request], Need | None] | None = None,
        header: str | None = None,
        realm: str = "api",
    ) -> None:
        if need is not None and (scopes or any_of):
            raise ValueError("need: says all there is to say; leave scopes and any_of out")
        check_asked("scopes", scopes)
        check_asked("any_of", any_of)
        always = Need(scopes=scopes, any_of=any_of)
        self._app = app
        self._need = need or (lambda _request: always)
        self._gate = Gate(store, header=header, realm=realm)
