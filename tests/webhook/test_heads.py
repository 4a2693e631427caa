"""What a client may send before its request is clear, on real connections."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
import uvicorn

from keyfuse_webhook import heads
from keyfuse_webhook.heads import LARGEST, BoundedHeads
from keyfuse_webhook.mail_sink import free_port

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
MARK = b"markermarker"


async def echo(scope, receive, send):
    """Tell the length of the body, or of what has come of it by then."""
    if scope["type"] != "http":
        return
    size, more = 0, scope["path"] != "/early"
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"%d" % size
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def impatient(monkeypatch) -> None:
    """Ask for it before `line`: a connection is waited for from its beginning."""
    monkeypatch.setattr(heads, "SLOWEST", 0.5)


@pytest.fixture
def port() -> Iterator[int]:
    port = free_port()
    config = uvicorn.Config(echo, port=port, http=BoundedHeads, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield port
    server.should_exit = True
    thread.join()


class Line:
    """A connection that sends what it is told, even where nobody listens any more."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)

    def send(self, data: bytes, times: int = 1, pause: float = 0.0) -> None:
        try:
            for _ in range(times):
                self._socket.sendall(data)
                time.sleep(pause)
        except OSError:
            pass

    def answer(self) -> bytes:
        return self._socket.recv(65536)

    def hear(self) -> bytes:
        """Everything until the service closes the connection."""
        heard = b""
        try:
            while piece := self._socket.recv(65536):
                heard += piece
        except ConnectionError:
            pass
        return heard

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def line(port) -> Iterator[Line]:
    with closing(Line(port)) as line:
        yield line


@pytest.mark.parametrize(
    ("before", "piece"),
    [
        (HEAD, b"X-A: " + MARK * 1000 + b"\r\n"),
        (HEAD, b"a:b\r\n" * 1000),
        (HEAD + b"X-A: ", MARK * 1000),
        (CHUNKED + b"1;", MARK * 1000),
        (CHUNKED + b"1\r\nx\r\n0\r\n", b"a: " + MARK * 1000 + b"\r\n"),
    ],
    ids=["lines", "short lines", "one line", "extension of a chunk", "trailers"],
)
def test_a_head_without_end_is_not_listened_to(line, before, piece):
    line.send(before)
    line.send(piece, times=2000)
    # Whoever sends on after the answer may be told that nobody listens before he has read it.
    heard = line.hear()
    assert heard == b"" or heard.startswith(b"HTTP/1.1 431 ")
    assert MARK not in heard


def test_a_head_that_is_too_large_is_told_so(line):
    line.send(HEAD)
    line.send(b"X-A: " + b"a" * 1000 + b"\r\n", times=LARGEST // 1000 + 1, pause=0.001)
    head, _, body = line.hear().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b"content-type: application/problem+json" in head
    assert json.loads(body)["code"] == "headers_too_large"


def test_what_is_no_http_is_a_problem_too(line):
    line.send(b"GET /" + MARK + b" HTTP/1.1\r\nbad header " + MARK + b"\r\n\r\n")
    head, _, body = line.hear().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert json.loads(body)["code"] == "malformed_http"
    assert MARK not in head + body


def test_large_heads_and_bodies_within_the_bounds_pass(line):
    """Each request is counted for itself, and a body has other bounds."""
    body = b"b" * (4 * LARGEST)
    large = HEAD + b"X-A: " + b"a" * (LARGEST - 1000) + b"\r\n"
    large += b"Content-Length: %d\r\n\r\n" % len(body)
    for _ in range(3):
        line.send(large)
        line.send(body)
        assert line.answer().endswith(b"\r\n\r\n%d" % len(body))
    chunk = b"10000\r\n" + b"c" * 65536 + b"\r\n"
    line.send(CHUNKED)
    line.send(chunk, times=4)
    line.send(b"0\r\n\r\n")
    assert line.answer().endswith(b"\r\n\r\n%d" % (4 * 65536))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("begin", [b"", b"GET", HEAD], ids=["nothing", "a word", "half a head"])
def test_a_head_that_does_not_come_to_its_end_is_not_waited_for(line, begin):
    line.send(begin)
    assert line.hear() == b""


@pytest.mark.usefixtures("impatient")
def test_dripping_keeps_no_connection(line):
    line.send(HEAD)
    line.send(b"X-A: a\r\n", times=50, pause=0.05)
    assert line.hear() == b""


@pytest.mark.usefixtures("impatient")
def test_a_body_that_was_refused_is_not_taken_for_ever(line):
    line.send(b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
    assert line.answer().startswith(b"HTTP/1.1 200 ")
    line.send(b"x", times=50, pause=0.05)
    assert line.hear() == b""


@pytest.mark.usefixtures("impatient")
def test_a_body_may_take_longer_than_a_head(line):
    line.send(HEAD + b"Content-Length: 10\r\n\r\n")
    line.send(b"x", times=10, pause=0.1)
    assert line.answer().endswith(b"\r\n\r\n10")
