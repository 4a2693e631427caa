"""A STAND-IN for GitHub's REST API: no more than what keyfuse calls. It is not GitHub.

It checks the App's JWT as GitHub documents it, hands out installation tokens, lets each do only
what it was asked for, and keeps state: check runs with appended annotations, comments, issues.
"""

import itertools
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from support.githubapi_routes import ROUTES, Answer, Call


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


class Fault(NamedTuple):
    """What goes wrong with the next request of a method whose path holds some text.

    `after`: the request is served and its answer lost.
    """

    method: str
    part: str
    answer: Answer | None
    after: bool = False


class StandInApi:
    """Answers on loopback.

    Attributes:
        status: Fail every request with this; None to answer.
        headers: Sent with a failure.
        lifetime: Of the tokens handed out.
        calls: Path and body of each POST for a token.
        asked: Every other request.
        faults: Each is used up by one request.
        check_runs, comments, issues: What there is, oldest first.
        alerts: By repository and number, each with its `locations`.
        deliveries: Of the App's webhook, youngest first.
        patterns: Custom patterns, by where they are.
        installations: Of the App, by `orgs` or `users` and the account.
        repositories: What the installation sees.
    """

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.lifetime = timedelta(hours=1)
        self.calls: list[tuple[str, Any]] = []
        self.asked: list[Call] = []
        self.faults: list[Fault] = []
        self.granted: dict[str, dict[str, str]] = {}
        self.check_runs: list[dict[str, Any]] = []
        self.comments: list[dict[str, Any]] = []
        self.issues: list[dict[str, Any]] = []
        self.alerts: dict[tuple[str, int], dict[str, Any]] = {}
        self.deliveries: list[dict[str, Any]] = []
        self.patterns: dict[str, list[dict[str, Any]]] = {}
        self.installations: dict[tuple[str, str], int] = {}
        self.repositories: list[dict[str, Any]] = []
        self.numbers = itertools.count(1)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))

    @property
    def url(self) -> str:
        """What to set KEYFUSE_GITHUB_API_URL to."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def settings(self, **more: str) -> dict[str, str]:
        """The environment of a service that is this App."""
        return {
            "KEYFUSE_GITHUB_API_URL": self.url,
            "KEYFUSE_GITHUB_APP_ID": "12345",
            "KEYFUSE_GITHUB_APP_PRIVATE_KEY": app_pem(),
        } | more

    def token(self) -> str:
        """The token handed out last; longer than the old ones, as GitHub's new ones are."""
        return f"ghs_1_{len(self.calls):040d}.x.y"

    def did(self, method: str, part: str) -> list[Call]:
        """The requests of a method whose path holds some text."""
        return [call for call in self.asked if call.method == method and part in call.path]

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

    def answer(self, call: Call) -> Answer:
        for method, pattern, needed, route in ROUTES:
            found = re.fullmatch(pattern, call.path)
            if method == call.method and found:
                name, level = needed
                if name and call.permissions.get(name) not in {level, "write"}:
                    return Answer(403, {"message": "Resource not accessible by integration"})
                return route(self, call, *found.groups())
        return Answer(404, {"message": "Not Found"})

    def grant(self, call: Call) -> Answer:
        self.calls.append((call.path, call.body))
        if "app" not in call.permissions:
            return Answer(401, {"message": "A JSON web token could not be decoded"})
        permissions = call.body.get("permissions", {})
        self.granted[self.token()] = permissions
        ends = datetime.now(UTC) + self.lifetime
        token = {
            "token": self.token(),
            "expires_at": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "permissions": permissions,
            "repository_selection": "all",
        }
        return Answer(201, token)


def _handler(api: StandInApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def do_PATCH(self) -> None:
            self._serve()

        def log_message(self, *_: object) -> None:
            pass

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            call = Call(self.command, parts.path, query, body, self._permissions())
            grants = re.fullmatch("/app/installations/[0-9]+/access_tokens", parts.path)
            if not grants:
                api.asked.append(call)
            fault = self._fault()
            if fault is not None and not fault.after:
                self._send(fault.answer)
                return
            if api.status is not None:
                if grants:
                    api.calls.append((call.path, call.body))
                self._send(Answer(api.status, {"message": "no"}, api.headers))
                return
            answer = api.grant(call) if grants else api.answer(call)
            self._send(answer if fault is None else fault.answer)

        def _fault(self) -> Fault | None:
            for fault in api.faults:
                if fault.method == self.command and fault.part in self.path:
                    api.faults.remove(fault)
                    return fault
            return None

        def _permissions(self) -> dict[str, str]:
            given = self.headers.get("Authorization", "").removeprefix("Bearer ")
            return {"app": "write"} if self._is_app(given) else api.granted.get(given, {})

        def _is_app(self, given: str) -> bool:
            try:
                claims = jwt.decode(given, app_key().public_key(), algorithms=["RS256"])
            except jwt.PyJWTError:
                return False
            lifetime = claims["exp"] - datetime.now(UTC).timestamp()
            return claims["iss"] == "12345" and lifetime <= 600

        def _send(self, answer: Answer | None) -> None:
            if answer is None:
                self.close_connection = True
                return
            body = answer.document
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
