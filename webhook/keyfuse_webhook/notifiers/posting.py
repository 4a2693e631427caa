"""Posting JSON to an address that the operator has set, and what the answer means.

No redirect is followed, no answer is read for long, and its words are not repeated: they are not
ours, and the address itself is a credential at some targets.
"""

import httpx

from keyfuse_rules import Secret
from keyfuse_webhook.jobs_model import Outcome, TryAgain

_TIMEOUT = 10.0
_SERVER_ERROR = 500
# Request timeout, too early, too many requests.
_LATER = frozenset({408, 425, 429})


def post(target: str, url: Secret, body: bytes, headers: dict[str, str]) -> Outcome:
    """Post a body.

    Args:
        target: What to call it in a reason.
        url: Where.
        body: JSON.
        headers: Beside the content type.

    Raises:
        TryAgain: It may work later.
    """
    given = {"Content-Type": "application/json", "User-Agent": "keyfuse", **headers}
    try:
        with (
            httpx.Client(timeout=_TIMEOUT, follow_redirects=False) as client,
            client.stream("POST", url.reveal(), content=body, headers=given) as response,
        ):
            return _meaning(target, response)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TryAgain(f"{target}: {type(error).__name__}") from None


def _meaning(target: str, response: httpx.Response) -> Outcome:
    status = response.status_code
    if response.is_success:
        return Outcome("done")
    if status >= _SERVER_ERROR or status in _LATER:
        raise TryAgain(f"{target} answered {status}", after=_asked(response))
    if response.is_redirect:
        return Outcome("undeliverable", f"{target} answered {status}; redirects are not followed")
    return Outcome("undeliverable", f"{target} answered {status}")


def _asked(response: httpx.Response) -> float:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else 0.0
