"""Reading request bodies: in pieces, never more than allowed, never encoded."""

from starlette.requests import Request

from keyfuse_webhook.problem import BODY_TOO_LARGE, ENCODED_BODY, Refusal


async def read_body(request: Request, largest: int) -> bytes | Refusal:
    """The raw bytes of the body, or why it is not taken: 415 encoded, 413 too large."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        return ENCODED_BODY
    announced = request.headers.get("content-length", "")
    # Digits only are counted on; the server has refused what is no number.
    if announced.isdigit() and int(announced) > largest:
        return BODY_TOO_LARGE
    body = bytearray()
    async for piece in request.stream():
        if len(body) + len(piece) > largest:
            return BODY_TOO_LARGE
        body += piece
    return bytes(body)
