"""`POST /v1/verify` against an empty POST of the same application on the same server."""

import json
import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

from rounds import Candidate, Run

CONNECTIONS = 16

# The service as `keyfuse serve` runs it, and beside it an endpoint that only reads the body.
SERVER = """
import sys
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from keyfuse_store import KeyStore
from keyfuse_store.settings import Settings
from keyfuse_webhook.app import build_app

home, url, port = sys.argv[1:]
settings = Settings.load({"KEYFUSE_HOME": home, "KEYFUSE_DATABASE_URL": url})
store = KeyStore.open(settings=settings, peppers={1: b"p" * 32})

async def empty(request):
    await request.body()
    return Response(b"{}", media_type="application/json")

plain = Starlette(routes=[Route("/empty", empty, methods=["POST"])])
service = build_app(store, lambda *_: None)

async def either(scope, receive, send):
    app = plain if scope.get("path") == "/empty" else service
    await app(scope, receive, send)

uvicorn.run(either, port=int(port), log_level="warning", access_log=False, server_header=False)
store.close()
"""


@contextmanager
def serving(home: Path, url: str) -> Iterator["Server"]:
    """The service in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(home), url, str(port)])
    before = _apart(process.pid)
    try:
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        yield Server(port, process.pid)
    finally:
        os.sched_setaffinity(0, before)
        process.terminate()
        process.wait(20)


def _apart(server: int) -> set[int]:
    """Put server and client on processors of their own: on one they would take turns."""
    processors = os.sched_getaffinity(0)
    if len(processors) > 1:
        first, second, *_ = sorted(processors)
        os.sched_setaffinity(server, {first})
        os.sched_setaffinity(0, {second})
    return processors


class Server:
    """A running service, and how to load it."""

    def __init__(self, port: int, pid: int) -> None:
        self._port = port
        self._pid = pid

    def posts(self, path: str, bodies: Sequence[bytes], expected: bytes) -> Candidate:
        """A round of POSTs over sixteen connections, each answer held to what it must contain."""
        requests = [
            b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (path.encode(), len(body), body)
            for body in bodies
        ]
        return lambda: self._load(requests, expected)

    def _load(self, requests: list[bytes], expected: bytes) -> Run:
        ready, waiting = selectors.DefaultSelector(), cycle(requests)
        sockets = [socket.create_connection(("127.0.0.1", self._port)) for _ in range(CONNECTIONS)]
        wall, cpu = time.perf_counter(), self._cpu()
        for one in sockets:
            ready.register(one, selectors.EVENT_READ)
            one.sendall(next(waiting))
        sent, answered, total = CONNECTIONS, 0, len(requests)
        answers = dict.fromkeys(sockets, b"")
        while answered < total:
            for key, _ in ready.select():
                one: socket.socket = key.fileobj  # type: ignore[assignment]  # as registered
                answers[one] += one.recv(65_536)
                if not _whole(answers[one]):
                    continue
                assert expected in answers[one], answers[one][:400]
                answers[one] = b""
                answered += 1
                if sent < total:
                    one.sendall(next(waiting))
                    sent += 1
        run = Run(total, time.perf_counter() - wall, self._cpu() - cpu)
        for one in sockets:
            one.close()
        return run

    def _cpu(self) -> float:
        """Seconds that the server's process has computed so far."""
        times = Path(f"/proc/{self._pid}/schedstat")
        return int(times.read_text().split()[0]) / 1e9


def _whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    return bool(end) and len(body) >= int(head.partition(b"content-length: ")[2].split(b"\r")[0])


def questions(tokens: Sequence[str], scope: str) -> list[bytes]:
    """The bodies that ask about these keys."""
    return [json.dumps({"key": token, "scopes": [scope]}).encode() for token in tokens]
