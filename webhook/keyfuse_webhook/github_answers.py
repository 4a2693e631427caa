"""What GitHub's REST API answers, as values: refusals, limits, lists. No I/O.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from keyfuse_webhook.errors import WebhookError
from keyfuse_webhook.jobs_model import TryAgain

# GitHub's own advice for a secondary limit that says nothing more.
_SECONDARY_PAUSE = 60.0
_LONGEST_PAUSE = 3600.0
_SHOWN_BY_LIMITS = 4096
_FORBIDDEN, _TOO_MANY = 403, 429

_MEANINGS = {
    401: ": the App's id and key, or the token, are not right",
    403: ": no access, or a permission of the App is missing",
    404: ": it is gone, or the App may not see it",
    410: ": it is switched off there",
    301: ": it was renamed; redirects are not followed",
    302: ": redirects are not followed",
    307: ": redirects are not followed",
}


class ApiRefused(WebhookError):
    """GitHub will not do what was asked, however often it is asked.

    Attributes:
        status: The HTTP status: 401 and 403 no access, 404 and 410 gone, 422 not possible.
    """

    def __init__(self, what: str, status: int) -> None:
        super().__init__(f"GitHub's API answered {status} to {what}{_MEANINGS.get(status, '')}")
        self.status = status


def limit_pause(
    status: int, headers: Mapping[str, str], content: bytes, now: float
) -> float | None:
    """Return for how many seconds to ask nothing, or None where no limit is the reason.

    Args:
        status: Of the answer.
        headers: Of the answer; their names are not told apart by case.
        content: The answer's body, in which GitHub names a secondary limit.
        now: Seconds since 1970.
    """
    if status not in {_FORBIDDEN, _TOO_MANY}:
        return None
    named = _seconds(headers.get("retry-after"))
    if named is not None:
        return min(named, _LONGEST_PAUSE)
    reset = _seconds(headers.get("x-ratelimit-reset"))
    used_up = headers.get("x-ratelimit-remaining") == "0"
    if used_up and reset is not None:
        # A second more: their clock is not ours.
        return min(max(reset - now, 0.0) + 1, _LONGEST_PAUSE)
    said = b"secondary rate limit" in content[:_SHOWN_BY_LIMITS].lower()
    return _SECONDARY_PAUSE if used_up or said or status == _TOO_MANY else None


def entries(document: Any, path: str) -> list[Mapping[str, Any]]:
    """The objects of a list.

    Raises:
        TryAgain: It is none.
    """
    if not isinstance(document, list):
        raise TryAgain(f"GitHub's API gave no list for {path}")
    return [entry for entry in document if isinstance(entry, dict)]


def next_cursor(links: Mapping[str | None, Mapping[str, str]]) -> str | None:
    """Where the next page begins; of the address that says so, nothing else is used.

    Raises:
        TryAgain: It is no address; a list that is taken for whole would lose entries.
    """
    following = links.get("next", {}).get("url", "")
    try:
        return dict(parse_qsl(urlsplit(following).query)).get("cursor")
    except ValueError:
        raise TryAgain("GitHub's API gave no address for the next page") from None


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdigit() else None


def parsed(content: bytes) -> Any:
    """Return the JSON of an answer that may have none.

    Raises:
        TryAgain: It is something else.
    """
    if not content.strip():
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise TryAgain("GitHub's API answered with something that is not JSON") from None
