"""What an HTTP API answers for a verdict: RFC 6750 challenges, RFC 9457 bodies, RateLimit fields.

Whoever does not hold a valid key hears one text, whether the key is unknown, expired or revoked.
No answer repeats anything of the request.
"""

import json
import math
from collections.abc import Sequence
from http import HTTPStatus
from typing import NamedTuple

from keyfuse_store.credentials import Misplaced
from keyfuse_store.limits import parse_quota, parse_rates
from keyfuse_store.model import Grant
from keyfuse_store.verdict import Verdict

QUOTA = "quota"
# Seconds; a database that is gone comes back in its own time.
_UNAVAILABLE_PAUSE = 5

Headers = tuple[tuple[str, str], ...]


class Answer(NamedTuple):
    """A whole HTTP response; header names in lower case, as ASGI wants them."""

    status: int
    headers: Headers
    body: bytes

    @property
    def status_line(self) -> str:
        """Status and phrase, as WSGI wants them."""
        return f"{self.status} {HTTPStatus(self.status).phrase}"


def key_missing(realm: str) -> Answer:
    """There is no key; without an error code, as RFC 6750 section 3.1 asks."""
    challenge = _challenge(realm)
    return problem(401, "key_missing", "This API needs an API key.", *challenge)


def key_misplaced(realm: str, where: Misplaced) -> Answer:
    """There is a key in a place from which it is not taken."""
    return problem(400, "invalid_request", where.value, *_challenge(realm, "invalid_request"))


def refused(verdict: Verdict, realm: str, wanted: Sequence[str] = ()) -> Answer:
    """There is a key, and it may not do this.

    Args:
        verdict: One that is not ok.
        realm: What the API calls itself.
        wanted: The scopes that were asked for.
    """
    match verdict.code:
        case "insufficient_scope":
            challenge = _challenge(realm, "insufficient_scope", " ".join(wanted))
            return problem(
                403, "insufficient_scope", "The API key does not cover this.", *challenge
            )
        case "address_denied":
            title = "The API key cannot be used from this address."
            return problem(403, "address_denied", title)
        case "rate_limited" | "quota_exceeded":
            title = "The API key has no calls left for now."
            return problem(429, verdict.code, title, *_limits(verdict))
        case "unavailable":
            title = "API keys cannot be verified just now."
            return problem(503, "unavailable", title, ("retry-after", str(_UNAVAILABLE_PAUSE)))
        case _:
            challenge = _challenge(realm, "invalid_token")
            return problem(401, "invalid_token", "The API key is not valid.", *challenge)


def problem(status: int, code: str, title: str, *headers: tuple[str, str]) -> Answer:
    """A refusal as RFC 9457 writes it, in fixed words."""
    body = {"type": f"urn:keyfuse:problem:{code}", "title": title, "status": status, "code": code}
    return Answer(
        status,
        (("content-type", "application/problem+json"), ("cache-control", "no-store"), *headers),
        json.dumps(body).encode(),
    )


def _challenge(realm: str, error: str | None = None, scope: str | None = None) -> Headers:
    parts = [f'realm="{realm}"']
    if error is not None:
        parts.append(f'error="{error}"')
    if scope:
        parts.append(f'scope="{scope}"')
    return (("www-authenticate", f"Bearer {', '.join(parts)}"),)


def _limits(verdict: Verdict) -> Headers:
    """The fields of RFC 9110 and of draft-ietf-httpapi-ratelimit-headers-11."""
    after = None if verdict.retry_after is None else max(1, math.ceil(verdict.retry_after))
    headers = [] if after is None else [("retry-after", str(after))]
    policy = None if verdict.holder is None else _policy(verdict.holder, verdict.limit)
    if policy is not None:
        until = "" if after is None else f";t={after}"
        headers += [
            ("ratelimit-policy", f'"{verdict.limit}";{policy}'),
            ("ratelimit", f'"{verdict.limit}";r=0{until}'),
        ]
    return tuple(headers)


def _policy(key: Grant, limit: str | None) -> str | None:
    if limit == QUOTA and key.quota is not None:
        # A calendar month has no one length in seconds; the window may be left out.
        return f"q={parse_quota(key.quota).calls}"
    rates = () if key.rate_limit is None else parse_rates(key.rate_limit)
    found = (f"q={r.calls};w={r.period // 1_000_000}" for r in rates if r.name == limit)
    return next(found, None)
