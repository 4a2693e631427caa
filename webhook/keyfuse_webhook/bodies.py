"""Reading request bodies: in pieces, never more than allowed, never encoded."""

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope

from keyfuse_webhook.problem import BODY_TOO_LARGE, ENCODED_BODY, Refusal

_TELLING = frozenset((b"content-encoding", b"content-length"))


async def read_body(request: Request, largest: int) -> bytes | Refusal:
    """The raw bytes of the body, or why it is not taken: 415 encoded, 413 too large.

    Raises:
        ClientDisconnect: the client is gone.
    """
    return await receive_body(request.scope, request.receive, largest)


async def receive_body(scope: Scope, receive: Receive, largest: int) -> bytes | Refusal:
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
        if not message.get("more_body", False):
            return bytes(pieces) + piece if pieces else piece
        pieces += piece


def _refusal(name: bytes, value: bytes, largest: int) -> Refusal | None:
    """What a header alone tells of the body."""
    if name == b"content-encoding":
        return None if value.strip().lower() in {b"", b"identity"} else ENCODED_BODY
    # Digits only are counted on; the server has refused what is no number.
    return BODY_TOO_LARGE if value.isdigit() and int(value) > largest else None
