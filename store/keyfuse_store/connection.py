"""One HTTP exchange with the management API, and what its refusals mean here.

The key goes over TLS, or to this very machine, and no redirect is followed: it could lead anywhere.
What a server says is bounded, and of its words only those are repeated that fit on a terminal.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from keyfuse_rules.secret import Secret
from keyfuse_store.errors import (
    InvalidField,
    KeysRefused,
    NotPermitted,
    ServerError,
    SettingsError,
    StateConflict,
    StoreError,
    VersionConflict,
)
from keyfuse_store.fields import shown

if TYPE_CHECKING:
    import httpx

ANSWER_MAX = 64 * 1024 * 1024
TIMEOUT = 30.0
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_WORDS_MAX = 300
_FIELD_MAX = 60
_PAUSES = (0.2, 1.0)
_BAD = 400
_NOT_FOUND = 404

Shape = TypeVar("Shape")
Sleep = Callable[[float], None]


class Connection:
    """Sends requests to one server with one management key.

    Args:
        server: Its address, like `https://keys.example.com`.
        key: The management key.
        transport: What carries the requests; the network by default.
        sleep: Waits between attempts, in seconds.

    Raises:
        SettingsError: the address is none, or would send the key in clear.
    """

    def __init__(
        self,
        server: str,
        key: Secret,
        *,
        transport: "httpx.BaseTransport | None" = None,
        sleep: Sleep = time.sleep,
    ) -> None:
        import httpx

        self._base = _address(server)
        self._sleep = sleep
        self._failures: type[Exception] = httpx.TransportError
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {key.reveal()}"},
            timeout=TIMEOUT,
            transport=transport,
            follow_redirects=False,
        )

    def get(self, path: str, shape: type[Shape], **query: object) -> Shape:
        """Read something; what is None is not asked for.

        Raises:
            StoreError: it was refused.
        """
        return _read(self.text("GET", path, query=query), shape)

    def send(
        self,
        method: str,
        path: str,
        body: Mapping[str, object],
        shape: type[Shape],
        *,
        once: str | None = None,
        if_match: str | None = None,
    ) -> Shape:
        """Change something.

        Args:
            method: POST or PATCH.
            path: Where.
            body: What is sent.
            shape: What comes back.
            once: Made up for this one request, which then may be sent again.
            if_match: What must be there for it to be done.

        Raises:
            StoreError: it was refused.
        """
        conditions = {"Idempotency-Key": once, "If-Match": if_match}
        headers = {name: value for name, value in conditions.items() if value is not None}
        return _read(self.text(method, path, body=body, headers=headers), shape)

    def text(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The raw answer; a request that may be repeated is, where nothing came back.

        Raises:
            StoreError: it was refused.
        """
        sent = headers or {}
        repeatable = method == "GET" or "Idempotency-Key" in sent
        for pause in (*(_PAUSES if repeatable else ()), None):
            try:
                return self._exchange(method, path, query or {}, body, sent)
            except self._failures as error:
                if pause is None:
                    raise ServerError(
                        f"{self._base} cannot be reached ({type(error).__name__})"
                    ) from None
                self._sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def close(self) -> None:
        """Let go of the network."""
        self._client.close()

    def _exchange(
        self,
        method: str,
        path: str,
        query: Mapping[str, object],
        body: Mapping[str, object] | None,
        headers: Mapping[str, str],
    ) -> bytes:
        given: dict[str, Any] = {name: str(v) for name, v in query.items() if v is not None}
        options: dict[str, Any] = {"params": given, "headers": headers}
        if body is not None:
            options["json"] = body
        with self._client.stream(method, self._base + path, **options) as answer:
            pieces = bytearray()
            for piece in answer.iter_bytes():
                pieces += piece
                if len(pieces) > ANSWER_MAX:
                    raise ServerError(f"{self._base} answered more than can be read")
            if answer.status_code >= _BAD or not answer.is_success:
                raise refusal(answer.status_code, bytes(pieces))
        return bytes(pieces)


def refusal(status: int, body: bytes) -> StoreError:
    """What a refusal means: the same error that the store itself would raise."""
    said = _problem(body)
    field, problem = (
        shown(str(said.get("field", "")), 60),
        shown(str(said.get("problem", "")), _WORDS_MAX),
    )
    title = shown(str(said.get("title", "")), _WORDS_MAX)
    errors = said.get("errors")
    match said.get("code"):
        case "invalid_field" if field:
            return InvalidField(field, problem)
        case "invalid_field" if isinstance(errors, list):
            return KeysRefused([one for one in map(_wrong, errors) if one is not None])
        case "state_conflict":
            return StateConflict(problem or title)
        case "version_conflict":
            return VersionConflict(title)
        case "insufficient_scope" if isinstance(said.get("scopes"), list):
            return NotPermitted([shown(str(scope), _FIELD_MAX) for scope in said["scopes"][:20]])
    where = f" ({field}: {problem})" if field else ""
    return Refused(status, f"the server answered {status}: {title or 'nothing more'}{where}")


class Refused(ServerError):
    """A refusal that is none of the store's own errors.

    Attributes:
        status: The HTTP status.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    @property
    def not_found(self) -> bool:
        """True where the server knows of no such thing."""
        return self.status == _NOT_FOUND


def _address(server: str) -> str:
    try:
        parts = urlsplit(server)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.query or parts.fragment or parts.username is not None:
        raise SettingsError("--server: must be an address like https://keys.example.com")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOOPBACK):
        raise SettingsError("--server: must be https; http is for this machine alone")
    return server.rstrip("/")


def _read(body: bytes, shape: type[Shape]) -> Shape:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise ServerError(
            "the server's answer is none of keyfuse's; is the address right?"
        ) from None


def _wrong(said: object) -> tuple[int, InvalidField] | None:
    match said:
        case {"index": int(place), "field": str(field), "problem": str(problem)}:
            return place, InvalidField(shown(field, _FIELD_MAX), shown(problem, _WORDS_MAX))
        case _:
            return None


def _problem(body: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
