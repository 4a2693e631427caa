"""A real HTTP server that keeps what is posted to it, and answers as it is told."""

import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple, Self


class Posted(NamedTuple):
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class HttpSink:
    """Answers on loopback.

    Attributes:
        posted: What came, oldest first.
        taken: That of it which was answered 200.
        answer: Status and headers for a request.
    """

    def __init__(self, port: int = 0) -> None:
        self.posted: list[Posted] = []
        self.taken: list[Posted] = []
        self.answer: Callable[[Posted], tuple[int, dict[str, str]]] = lambda _: (200, {})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        """Where to post to."""
        return f"http://127.0.0.1:{self._server.server_port}/hook/T0/B0/secret"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(sink: HttpSink) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            sink.posted.append(Posted(self.path, headers, body))
            status, more = sink.answer(sink.posted[-1])
            if status == 200:
                sink.taken.append(sink.posted[-1])
            self.send_response(status)
            for name, value in {"Content-Length": "2", **more}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    return Handler
