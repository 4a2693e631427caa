"""`POST /v1/verify`: may the holder of this key do that? Always 200 once the question is clear.

The key travels in the body and nowhere else; neither it nor any other input is echoed.
"""

import ipaddress
import json

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from keyfuse_store import InvalidField, KeyStore, Verdict
from keyfuse_store.times import rfc3339
from keyfuse_webhook.bodies import read_body
from keyfuse_webhook.problem import Refusal, problem

# A question is short: a key, some scopes, a number.
_LARGEST = 64 * 1024

BAD_QUESTION = Refusal(
    400, "invalid_question", 'Send a JSON object: {"key": text, "scopes": [text], "cost": number}.'
)
NO_CREDENTIAL = Refusal(401, "credential_missing", "Asking from here needs a credential.")
BAD_CREDENTIAL = Refusal(401, "credential_invalid", "The credential is not valid.")
WRONG_CREDENTIAL = Refusal(403, "insufficient_scope", "The credential does not cover this.")
_SCOPE = "keyfuse:verify"


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """The body: scopes are all needed, cost is how many calls this one counts for."""

    key: str
    scopes: list[str] = []
    cost: int = 1


class VerifyEndpoint:
    """Answers questions about keys.

    Args:
        bound_to: The host the service listens on; questions need no credential on loopback.
    """

    def __init__(self, store: KeyStore, bound_to: str) -> None:
        self._store = store
        self._open = store.settings.open_verify or is_loopback(bound_to)

    async def answer(self, request: Request) -> Response:
        """Answer one question; the look-up takes microseconds and runs on the loop itself."""
        if not self._open and (refused := self._stop(request)) is not None:
            return refused
        try:
            body = await read_body(request, _LARGEST)
        except ClientDisconnect:
            body = BAD_QUESTION
        if isinstance(body, Refusal):
            return problem(body)
        try:
            question = msgspec.json.decode(body, type=Question)
            verdict = self._store.verify(question.key, scopes=question.scopes, cost=question.cost)
        except (msgspec.MsgspecError, InvalidField, UnicodeError, RecursionError):
            return problem(BAD_QUESTION)
        return Response(json.dumps(as_json(verdict)).encode(), media_type="application/json")

    def _stop(self, request: Request) -> Response | None:
        """The refusal for a caller without the right to ask (RFC 6750), or None."""
        scheme, _, credential = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not credential:
            return problem(NO_CREDENTIAL, {"WWW-Authenticate": 'Bearer realm="keyfuse"'})
        verdict = self._store.verify(credential.strip(), scopes=[_SCOPE], cost=0)
        if verdict.ok:
            return None
        if verdict.code == "insufficient_scope":
            challenge = f'Bearer realm="keyfuse", error="insufficient_scope", scope="{_SCOPE}"'
            return problem(WRONG_CREDENTIAL, {"WWW-Authenticate": challenge})
        challenge = 'Bearer realm="keyfuse", error="invalid_token"'
        return problem(BAD_CREDENTIAL, {"WWW-Authenticate": challenge})


def as_json(verdict: Verdict) -> dict[str, object]:
    """The answer: what a gateway or an API needs to know about a proven key, and no more."""
    answer: dict[str, object] = {"valid": verdict.ok, "code": verdict.code}
    if verdict.retry_after is not None:
        answer["retry_after"] = verdict.retry_after
    key = verdict.key
    if key is not None:
        answer |= {
            "id": key.id,
            "prefix": key.prefix,
            "owner": key.owner,
            "name": key.name,
            "meta": key.meta,
            "scopes": key.scopes,
            "expires": rfc3339(key.expires_us),
        }
    return answer


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a service bound to ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
