"""`POST /v1/verify` against an empty POST of the same application on the same server.

The load comes from `wrk` (packaged as that by Debian, Homebrew and others): a client written in
Python would be slower than the server, and hide what the server takes.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from rounds import Candidate, Run

CONNECTIONS = 16
SECONDS = 3
SCRIPT = Path(__file__).with_name("http_load.lua")

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
from keyfuse_webhook.serving import settle

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

settle()
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
        yield Server(port, process.pid, home)
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

    def __init__(self, port: int, pid: int, folder: Path) -> None:
        self._port = port
        self._pid = pid
        self._folder = folder

    def posts(self, path: str, bodies: Sequence[bytes], expected: bytes) -> Candidate:
        """A round of POSTs over sixteen connections; the answers must contain what is expected."""
        for body in bodies[:: len(bodies) // 20]:
            answer = self._ask(path, body)
            assert expected in answer, answer[:400]
        written = self._folder / f"bodies{path.replace('/', '-')}.txt"
        written.write_bytes(b"\n".join(bodies))
        return lambda: self._load(path, written)

    def _ask(self, path: str, body: bytes) -> bytes:
        connection = HTTPConnection("127.0.0.1", self._port)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            return connection.getresponse().read()
        finally:
            connection.close()

    def _load(self, path: str, bodies: Path) -> Run:
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", SCRIPT]
        url = f"http://127.0.0.1:{self._port}"
        cpu = self._cpu()
        done = subprocess.run(
            [*command, url, "--", path, bodies], check=True, capture_output=True, text=True
        )
        used = self._cpu() - cpu
        figures = json.loads(done.stdout.splitlines()[-1])
        assert not figures["errors"], done.stdout
        return Run(figures["requests"], figures["seconds"], used)

    def _cpu(self) -> float:
        """Seconds that the server's process has computed so far, with all of its threads."""
        tasks = Path(f"/proc/{self._pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def questions(tokens: Sequence[str], scope: str) -> list[bytes]:
    """The bodies that ask about these keys."""
    return [json.dumps({"key": token, "scopes": [scope]}).encode() for token in tokens]
