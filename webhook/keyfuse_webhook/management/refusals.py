"""What the API answers when it does not do as it was asked: RFC 9457 bodies in fixed words.

Nothing of the request is repeated. `field` and `problem` name a field of ours and a rule of ours.
"""

import json
from collections.abc import Mapping

from keyfuse_store.answers import Answer, Headers
from keyfuse_store.errors import (
    DatabaseError,
    InvalidField,
    KeyNotFound,
    LeakNotFound,
    NotPermitted,
    OwnerNotFound,
    PepperError,
    StateConflict,
    StoreError,
    VersionConflict,
)
from keyfuse_webhook.errors import WebhookError
from keyfuse_webhook.job_control import JobNotDead, JobNotFound
from keyfuse_webhook.jobs import JobsUnavailable

# Seconds; a database that is gone comes back in its own time.
_PAUSE = "5"

TITLES: Mapping[int, str] = {
    400: "The request is malformed.",
    401: "There is no valid management key.",
    403: "The management key does not cover this.",
    404: "There is no such thing.",
    405: "This path does not take that method.",
    409: "Its state does not allow this.",
    412: "It was changed since; look at it again.",
    413: "The body is larger than this service accepts.",
    415: "Send the body as application/json, without a Content-Encoding.",
    422: "A field is not acceptable.",
    429: "Too many requests; wait before the next.",
    500: "Something went wrong here; it has been logged.",
    503: "The database cannot be used just now.",
}
_CODES: Mapping[int, str] = {
    400: "invalid_request",
    401: "invalid_token",
    403: "insufficient_scope",
    404: "not_found",
    405: "method_not_allowed",
    409: "state_conflict",
    412: "version_conflict",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "invalid_field",
    429: "rate_limited",
    500: "internal_error",
    503: "unavailable",
}


def problem(status: int, **members: object) -> dict[str, object]:
    """The body of a refusal with this status."""
    code = _CODES[status]
    return {
        "type": f"urn:keyfuse:problem:{code}",
        "title": TITLES[status],
        "status": status,
        "code": code,
        **members,
    }


class Unfit(Exception):
    """A request that cannot be read.

    Attributes:
        status: The HTTP status.
        members: What else there is to say, in words of ours.
    """

    def __init__(self, status: int, **members: object) -> None:
        super().__init__(TITLES[status])
        self.status = status
        self.members = members


def refusal(status: int, *headers: tuple[str, str], **members: object) -> Answer:
    """The answer with this status; `members` are further words of ours in its body."""
    fixed: Headers = (
        ("content-type", "application/problem+json"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    )
    return Answer(status, (*fixed, *headers), json.dumps(problem(status, **members)).encode())


def refused(error: StoreError | WebhookError, path: Mapping[str, str]) -> Answer | None:
    """The answer for an error of the store; None where it is a bug.

    Args:
        error: What was raised.
        path: The parameters of the path: what is named there and missing is 404, a thing that is
            named elsewhere is a wrong field.
    """
    match error:
        case InvalidField() if error.field == "key_id":
            # A malformed id is that of nothing: in the path, or as the `after` of a list.
            return _missing(path.get("key_id"), "after", "no key has this id", path)
        case InvalidField():
            return refusal(422, field=error.field, problem=error.problem)
        case KeyNotFound():
            return _missing(error.key_id, "after", "no key has this id", path)
        case OwnerNotFound():
            return _missing(error.owner, "owner", "there is no such owner", path)
        case LeakNotFound():
            return _missing(error.leak, "after", "no incident has this id", path)
        case JobNotFound():
            return _missing(error.job, "after", "no job has this id", path)
        case StateConflict() | JobNotDead():
            return refusal(409, problem=str(error))
        case VersionConflict():
            return refusal(412)
        case NotPermitted():
            return refusal(403, scopes=error.scopes)
        case DatabaseError() | PepperError() | JobsUnavailable():
            return refusal(503, ("retry-after", _PAUSE))
        case _:
            return None


def _missing(what: str | None, field: str, problem: str, path: Mapping[str, str]) -> Answer:
    if what in path.values():
        return refusal(404)
    return refusal(422, field=field, problem=problem)
