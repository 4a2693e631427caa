"""What a connection may take before its request is clear: the server bounds neither size nor time.

uvicorn keeps every header line it is sent, and waits for the end of a head as long as the client
likes. Bodies are bounded where they are read (`bodies`).
"""

import asyncio
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from keyfuse_webhook.problem import Refusal, problem

# Bytes on top of what was read in one piece: several times what proxies let through.
LARGEST = 64 * 1024
# Seconds from the first byte of a head to its last, and for the first byte of a connection.
SLOWEST = 20.0

MALFORMED = Refusal(400, "malformed_http", "This is no request in HTTP.")
TOO_LARGE = Refusal(431, "headers_too_large", "The headers are larger than this service accepts.")


class BoundedHeads(HttpToolsProtocol):
    """One connection, which is closed when it sends more than it is listened to."""

    # Bytes since something came of them: a whole head, or a piece of a body.
    _idle_bytes = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        """Wait for the first head."""
        super().connection_made(transport)
        self._begin_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._end_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; listen no longer where too much came to nothing."""
        self._idle_bytes += len(data)
        super().data_received(data)
        if self._idle_bytes > LARGEST and not self.transport.is_closing():
            self._refuse(TOO_LARGE)
        elif self._deadline is None and (self.cycle is None or self.cycle.response_complete):
            self._begin_waiting()

    def on_headers_complete(self) -> None:
        """A head has come to its end."""
        self._idle_bytes = 0
        self._end_waiting()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a body has come."""
        self._idle_bytes = 0
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the words of uvicorn
        """Answer what is no HTTP, in our own words."""
        self._refuse(MALFORMED)

    def _begin_waiting(self) -> None:
        self._deadline = self.loop.call_later(SLOWEST, self.transport.close)

    def _end_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, refusal: Refusal) -> None:
        """Answer for the application, which has not seen the request, and listen no longer."""
        answer = problem(refusal, {"Connection": "close"})
        status = HTTPStatus(refusal.status)
        head = [b"HTTP/1.1 %d %s" % (status, status.phrase.encode())]
        head += [name + b": " + value for name, value in answer.raw_headers]
        self.transport.write(b"\r\n".join([*head, b"", bytes(answer.body)]))
        self.transport.close()
