"""Refusals as RFC 9457 bodies: fixed words only, so that no input is ever echoed."""

import json
from typing import NamedTuple

from starlette.responses import Response


class Refusal(NamedTuple):
    """Why a request was turned away.

    Attributes:
        status: The HTTP status.
        code: A short stable word, for metrics and for machines.
        title: One sentence for a person, the same for every request.
        retry_after: Whole seconds after which trying again makes sense.
    """

    status: int
    code: str
    title: str
    retry_after: int | None = None


def problem(refusal: Refusal, headers: dict[str, str] | None = None, **members: str) -> Response:
    """The response for a refusal; `members` are further words of ours in its body."""
    body: dict[str, object] = {
        "type": f"urn:keyfuse:problem:{refusal.code}",
        "title": refusal.title,
        "status": refusal.status,
        "code": refusal.code,
        **members,
    }
    extra = dict(headers or {})
    if refusal.retry_after is not None:
        extra["Retry-After"] = str(refusal.retry_after)
    return Response(
        json.dumps(body).encode("utf-8"),
        status_code=refusal.status,
        media_type="application/problem+json",
        headers=extra,
    )


BODY_TOO_LARGE = Refusal(413, "body_too_large", "The body is larger than this service accepts.")
ENCODED_BODY = Refusal(415, "encoded_body", "Send the body without a Content-Encoding.")
NOT_FOUND = Refusal(404, "not_found", "There is nothing at this path.")
METHOD_NOT_ALLOWED = Refusal(405, "method_not_allowed", "This path does not take that method.")
INTERNAL = Refusal(500, "internal_error", "Something went wrong here; it has been logged.")
