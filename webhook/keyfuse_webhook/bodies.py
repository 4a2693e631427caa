"""Reading request bodies: in pieces, never more than allowed, never encoded."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope

from keyfuse_webhook.problem import BODY_TOO_LARGE, ENCODED_BODY, Refusal

_TELLING = frozenset((b"content-encoding", b"content-length"))


# Seconds. Whoever is slower than that holds memory that others need.
SLOWEST = 60.0
BUSY = Refusal(503, "busy", "Too many large bodies are being dealt with; send it again.", 5)
TOO_SLOW = Refusal(408, "body_too_slow", "The body took too long to arrive.")


class BodyRoom:
    """How many bytes of bodies may be in memory at once, whoever sends them.

    What has arrived counts, not what was announced: a promise takes no room from anybody.
    """

    def __init__(self, most: int) -> None:
        self._left = most

    @contextmanager
    def share(self) -> "Iterator[BodyShare]":
        """The room that one request takes, given back with the end of the block."""
        share = BodyShare(self)
        try:
            yield share
        finally:
            self._left += share.taken

    def take(self, size: int) -> bool:
        """Take so many bytes, if they are left."""
        if size > self._left:
            return False
        self._left -= size
        return True


class BodyShare:
    """What one request has taken of the room."""

    def __init__(self, room: BodyRoom) -> None:
        self._room = room
        self.taken = 0

    def grow(self, size: int) -> bool:
        """Take more; False where there is none."""
        if not self._room.take(size):
            return False
        self.taken += size
        return True


async def read_body(
    request: Request, largest: int, share: BodyShare | None = None
) -> bytes | Refusal:
    """The raw bytes of the body, or why it is not taken: 415 encoded, 413 too large, 408 too slow.

    With a share of the room for bodies: 503 where there is no more.

    Raises:
        ClientDisconnect: the client is gone.
    """
    try:
        async with asyncio.timeout(SLOWEST):
            return await receive_body(request.scope, request.receive, largest, share)
    except TimeoutError:
        return TOO_SLOW


async def receive_body(
    scope: Scope, receive: Receive, largest: int, share: BodyShare | None = None
) -> bytes | Refusal:
    """The same for an endpoint that has no request object."""
    for name, value in scope["headers"]:
        if name in _TELLING and (refusal := _refusal(name, value, largest)) is not None:
            return refusal
    pieces = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece: bytes = message.get("body", b"")
        if len(pieces) + len(piece) > largest:
            return BODY_TOO_LARGE
        if share is not None and not share.grow(len(piece)):
            return BUSY
        if not message.get("more_body", False):
            return bytes(pieces) + piece if pieces else piece
        pieces += piece


def _refusal(name: bytes, value: bytes, largest: int) -> Refusal | None:
    """What a header alone tells of the body."""
    if name == b"content-encoding":
        return None if value.strip().lower() in {b"", b"identity"} else ENCODED_BODY
    # Digits only are counted on; the server has refused what is no number.
    return BODY_TOO_LARGE if value.isdigit() and int(value) > largest else None
