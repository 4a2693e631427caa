"""A STAND-IN for GitHub's REST API: no more than what keyfuse calls. It is not GitHub.

It checks the App's JWT as GitHub documents it, and hands out installation tokens.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@cache
def app_key() -> rsa.RSAPrivateKey:
    """The App's private key; made once, for it takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def app_pem() -> str:
    """What to set KEYFUSE_GITHUB_APP_PRIVATE_KEY to."""
    return app_key().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()  # fmt: skip


class StandInApi:
    """Answers on loopback.

    Attributes:
        status: Fail every request with this; None to answer.
        headers: Sent with a failure.
        lifetime: Of the tokens handed out.
        calls: Path and body of each request.
    """

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.lifetime = timedelta(hours=1)
        self.calls: list[tuple[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))

    @property
    def url(self) -> str:
        """What to set KEYFUSE_GITHUB_API_URL to."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def token(self) -> str:
        """The token handed out last; longer than the old ones, as GitHub's new ones are."""
        return f"ghs_1_{len(self.calls):040d}.x.y"

    @contextmanager
    def running(self) -> "Iterator[StandInApi]":
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


def _handler(api: StandInApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            api.calls.append((self.path, json.loads(self.rfile.read(length) or b"{}")))
            if api.status is not None:
                self._answer(api.status, {"message": "no"}, api.headers)
            elif self._is_app():
                ends = datetime.now(UTC) + api.lifetime
                token = {
                    "token": api.token(),
                    "expires_at": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "permissions": {"contents": "read"},
                    "repository_selection": "all",
                }
                self._answer(201, token, {})
            else:
                self._answer(401, {"message": "A JSON web token could not be decoded"}, {})

        def log_message(self, *_: object) -> None:
            pass

        def _is_app(self) -> bool:
            given = self.headers.get("Authorization", "").removeprefix("Bearer ")
            try:
                claims = jwt.decode(given, app_key().public_key(), algorithms=["RS256"])
            except jwt.PyJWTError:
                return False
            lifetime = claims["exp"] - datetime.now(UTC).timestamp()
            return claims["iss"] == "12345" and lifetime <= 600

        def _answer(self, status: int, document: Any, headers: dict[str, str]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            for name, value in (headers | {"Content-Type": "application/json"}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
