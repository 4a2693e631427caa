"""A STAND-IN for GitHub's secret scanning, for the demonstration and for tests. It is not GitHub.

It does the two things a receiver meets: it publishes signing keys (with an `ETag`, several at
once, rotated on demand) and signs alerts with a P-256 key made when it starts. It can also be
told to fail the way the real endpoint may.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from keyfuse_webhook.model import GITHUB, Origin

KEYS_PATH = "/meta/public_keys/secret_scanning"


class SigningKey:
    """A fresh P-256 key and the name it is listed under."""

    def __init__(self) -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())
        public = self._private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.pem = public.decode("ascii")
        self.identifier = hashlib.sha256(public).hexdigest()

    def sign(self, body: bytes) -> str:
        """The signature header for a body: base64 of DER."""
        return base64.b64encode(self._private.sign(body, ec.ECDSA(SHA256()))).decode("ascii")


class StandInGitHub:
    """Stand-in for api.github.com's key list and for the sender of alerts.

    Attributes:
        requests: The `If-None-Match` of each request for the list ("" for none).
        status: Status to fail every request with; None to serve the list.
        body: Bytes to serve in place of the list; None to serve the list.
    """

    def __init__(self, origin: Origin = GITHUB) -> None:
        self._origin = origin
        self.keys = [SigningKey()]
        self.requests: list[str] = []
        self.status: int | None = None
        self.body: bytes | None = None
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def keys_url(self) -> str:
        """What to set KEYFUSE_GITHUB_PARTNER_KEYS_URL to."""
        return f"http://127.0.0.1:{self._server.server_port}{KEYS_PATH}"

    def rotate(self, *, keep_old: bool = True) -> SigningKey:
        """Sign with a fresh key from now on; the old ones stay listed unless told otherwise."""
        self.keys = [SigningKey(), *(self.keys if keep_old else [])]
        return self.keys[0]

    def alert(self, records: Iterable[Mapping[str, object]]) -> tuple[bytes, dict[str, str]]:
        """A signed alert: the raw body and the headers that go with it."""
        body = json.dumps(list(records), separators=(",", ":")).encode("utf-8")
        return body, self.sign(body)

    def sign(self, body: bytes) -> dict[str, str]:
        """The headers of an alert with this very body."""
        return {
            "Content-Type": "application/json",
            self._origin.id_header: self.keys[0].identifier,
            self._origin.signature_header: self.keys[0].sign(body),
        }

    def key_list(self) -> bytes:
        """The list as it is served."""
        entries = [
            {"key_identifier": key.identifier, "key": key.pem, "is_current": key is self.keys[0]}
            for key in self.keys
        ]
        return json.dumps({"public_keys": entries}).encode("ascii")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    def __init__(self, github: StandInGitHub) -> None:
        super().__init__(("127.0.0.1", 0), _KeyListHandler)
        self.github = github


class _KeyListHandler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Serve the list, 304 where the caller has it, or the failure asked for."""
        github = self.server.github
        body = github.key_list() if github.body is None else github.body
        etag = f'W/"{hashlib.sha256(body).hexdigest()}"'
        known = self.headers.get("If-None-Match", "")
        github.requests.append(known)
        if self.path != KEYS_PATH:
            self._answer(404, b"{}", etag)
        elif github.status is not None:
            self._answer(github.status, b"{}", etag)
        elif known == etag:
            self._answer(304, b"", etag)
        else:
            self._answer(200, body, etag)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: requests are counted, not printed."""

    def _answer(self, status: int, body: bytes, etag: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
