"""Idempotency: a request that is repeated, by a client that heard no answer, is carried out once.

The client makes up a key of its own for each request (the header field `Idempotency-Key` of
draft-ietf-httpapi-idempotency-key-header-07). What is kept is a hash of it, beside the id of the
API key that the request made, never its plaintext. Changes happen one at a time in all processes
(`KeyStore.begin`), so of two requests at once the second finds what the first has done.
"""

import hashlib
import re
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select

from keyfuse_store import fields
from keyfuse_store.errors import AlreadyDone, InvalidField
from keyfuse_store.schema import once as table
from keyfuse_store.times import DAY

KEY_MAX = 255
# How long a repetition is known for one.
MEMORY = DAY
# What a string of RFC 9651 (3.3.3) may hold, but nothing that a header field loses at its begin.
_KEY = re.compile(r"[!-~][ -~]*")


class Once(NamedTuple):
    """A request that must not be carried out twice, as hashes.

    Attributes:
        digest: Of who asks, for what kind of thing, and the key he made up.
        request: Of all else in the request; the same key must not come with another.
    """

    digest: bytes
    request: bytes


def once(key: str, *, caller: str, request: bytes) -> Once:
    """Describe a request.

    Args:
        key: What the client made up.
        caller: Whose keys it is among: those of another client are others.
        request: What is asked for, in a form that is the same for the same.

    Raises:
        InvalidField: the key is empty, too long or not printable ASCII, or it holds an API key.
    """
    text = fields.line("idempotency_key", key, longest=KEY_MAX, empty=False)
    if _KEY.fullmatch(text) is None:
        raise InvalidField("idempotency_key", "must be printable ASCII, as a UUID is")
    return Once(_hash(caller.encode(), text.encode()), _hash(request))


def check(connection: Connection, asked: Once | None) -> None:
    """Make sure that a request was not carried out before.

    Raises:
        AlreadyDone: it was.
        InvalidField: another request came with the same key.
    """
    if asked is None:
        return
    row = connection.execute(select(table).where(table.c.digest == asked.digest)).one_or_none()
    if row is None:
        return
    if row.request != asked.request:
        raise InvalidField("idempotency_key", "came with another request before")
    raise AlreadyDone(row.key_id)


def remember(connection: Connection, asked: Once | None, key_id: str, at: int) -> None:
    """Note what a request has made, in its transaction, and forget what is old."""
    if asked is None:
        return
    connection.execute(delete(table).where(table.c.at < at - MEMORY))
    values = {"digest": asked.digest, "request": asked.request, "key_id": key_id, "at": at}
    connection.execute(insert(table).values(values))


def _hash(*parts: bytes) -> bytes:
    lengths = b"".join(len(part).to_bytes(8, "big") for part in parts)
    return hashlib.sha256(lengths + b"".join(parts)).digest()
