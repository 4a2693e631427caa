"""What every part of the client shares: the server, and how things are named to it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import quote

from keyfuse_store import fields
from keyfuse_store.connection import Connection, Refused
from keyfuse_store.times import rfc3339, to_micros

KEYS = "/v1/keys"


class Client:
    """Asks a server; `token_bytes` is the random source, for idempotency keys."""

    def __init__(self, server: Connection, token_bytes: Callable[[int], bytes]) -> None:
        self._server = server
        self._token_bytes = token_bytes


@contextmanager
def missing(error: Exception) -> Iterator[None]:
    """Inside, the server's 404 is this error."""
    try:
        yield
    except Refused as refused:
        if refused.not_found:
            raise error from None
        raise


def key_path(key_id: str) -> str:
    """Where a key is.

    Raises:
        InvalidField: it is no key id.
    """
    return f"{KEYS}/{quote(fields.key_id(key_id), safe='')}"


def path_part(text: str) -> str:
    """One part of a path, whatever is in it."""
    return quote(text, safe="") or "-"


def moment(field: str, when: datetime | None) -> str | None:
    """A time as the server reads it.

    Raises:
        InvalidField: it has no time zone.
    """
    return None if when is None else rfc3339(to_micros(field, when))
