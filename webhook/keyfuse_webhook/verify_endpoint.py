"""`POST /v1/verify`: may the holder of this key do that? Always 200 once the question is clear.

The key travels in the body and nowhere else; neither it nor any other input is echoed. This is the
service's hot path: a plain ASGI callable, reached before the router (`before_router`).
"""

import asyncio
import ipaddress
from datetime import datetime

import msgspec
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from keyfuse_store import InvalidField, KeyStore, Verdict
from keyfuse_store.answers import Answer
from keyfuse_store.asgi import decide, incoming, respond
from keyfuse_store.errors import WouldWait
from keyfuse_store.gate import Gate, Need
from keyfuse_webhook.bodies import receive_body
from keyfuse_webhook.problem import Refusal, problem

# A question is short: a key, some scopes, a number.
_LARGEST = 64 * 1024

BAD_QUESTION = Refusal(
    400, "invalid_question", 'Send a JSON object: {"key": text, "scopes": [text], "cost": number}.'
)
ASKING = Need(scopes=("keyfuse:verify",), cost=0)
"""What a caller from another machine needs a key of his own for."""


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """The body; all but the key as `KeyStore.verify` takes it."""

    key: str
    scopes: list[str] = []
    any_of: list[str] = []
    resource: str | None = None
    client_address: str | None = None
    cost: int = 1
    user_agent: str | None = None


_JSON = (b"content-type", b"application/json")
_decode = msgspec.json.Decoder(Question).decode
_encode = msgspec.json.Encoder().encode


class VerifyEndpoint:
    """Answers questions about keys.

    Args:
        bound_to: The host the service listens on; questions need no credential on loopback.
    """

    def __init__(self, store: KeyStore, bound_to: str) -> None:
        self._store = store
        self._open = store.settings.open_verify or is_loopback(bound_to)
        self._askers = Gate(store, realm="keyfuse")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one question; the look-up takes microseconds and runs on the loop itself."""
        if not self._open and (refused := await self._stop(scope)) is not None:
            await respond(refused, scope, receive, send)
            return
        try:
            body = await receive_body(scope, receive, _LARGEST)
        except ClientDisconnect:
            return
        answer: bytes | Refusal | None = body
        if isinstance(body, bytes):
            answer = self._answer(body, False)
            if answer is None:
                loop = asyncio.get_running_loop()
                answer = await loop.run_in_executor(None, self._answer, body, True)
        assert answer is not None, "an answer that may take its time comes"
        if isinstance(answer, Refusal):
            await problem(answer)(scope, receive, send)
            return
        headers = [_JSON, (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    def _answer(self, body: bytes, wait: bool) -> bytes | Refusal | None:
        """The answer; None where it takes its time and must not."""
        try:
            question = _decode(body)
            verdict = self._store.verify(
                question.key,
                scopes=question.scopes,
                any_of=question.any_of,
                resource=question.resource,
                client_address=question.client_address,
                cost=question.cost,
                user_agent=question.user_agent,
                holder=True,
                wait=wait,
            )
        except (msgspec.MsgspecError, InvalidField, UnicodeError, RecursionError):
            return BAD_QUESTION
        except WouldWait:
            return None
        return answer_to(verdict)

    async def _stop(self, scope: Scope) -> Answer | None:
        """The refusal for a caller without the right to ask, or None."""
        decision = await decide(self._askers, incoming(scope), ASKING)
        return decision if isinstance(decision, Answer) else None


def answer_to(verdict: Verdict) -> bytes:
    """The answer: what a gateway or an API needs to know about a proven key, and no more."""
    key = verdict.holder
    if key is None:
        return _encode(_Stranger(verdict.ok, verdict.code))
    wait = verdict.retry_after
    return _encode(
        _Known(
            verdict.ok,
            verdict.code,
            key.id,
            key.prefix,
            key.owner,
            key.name,
            msgspec.Raw(key.meta_json.encode()),
            key.scopes,
            key.expires,
            msgspec.UNSET if wait is None else wait,
        )
    )


class _Stranger(msgspec.Struct, gc=False):
    valid: bool
    code: str


class _Known(msgspec.Struct, gc=False):
    valid: bool
    code: str
    id: str
    prefix: str
    owner: str
    name: str
    meta: msgspec.Raw
    scopes: tuple[str, ...]
    expires: datetime | None
    retry_after: float | msgspec.UnsetType


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a service bound to ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
