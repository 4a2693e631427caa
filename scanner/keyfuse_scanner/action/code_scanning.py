"""Give a SARIF log to GitHub code scanning, where the workflow's token may.

https://docs.github.com/en/rest/code-scanning/code-scanning#upload-an-analysis-as-sarif-data
"""

import base64
import gzip
import json
import time
from collections.abc import Callable
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from keyfuse_rules.secret import Secret
from keyfuse_scanner.action.remote import LOOPBACK
from keyfuse_scanner.errors import UsageError
from keyfuse_scanner.printable import harmless

Sleep = Callable[[float], None]

_TIMEOUT = 30.0
_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)
# What GitHub takes, packed.
_LARGEST = 10 * 1024 * 1024
_ANSWER_MAX = 1024 * 1024
_SERVER_ERROR = 500
# The token may not, or code scanning is off: both are for the repository's owner to change.
_NOT_FOR_US = frozenset((401, 403, 404))


class Analysis(NamedTuple):
    """Of which commit a log tells.

    Attributes:
        api: Address of the API, such as `https://api.github.com`.
        name: `owner/name`.
        commit_id: The commit.
        ref: The full name of the branch or pull request.
    """

    api: str
    name: str
    commit_id: str
    ref: str


class Outcome(NamedTuple):
    """What became of an upload, in one line; `failed` where that should be looked at."""

    text: str
    failed: bool = False


def upload(sarif: str, analysis: Analysis, token: Secret, sleep: Sleep = time.sleep) -> Outcome:
    """Upload a log and wait a little for GitHub's verdict on it.

    Raises:
        UsageError: the API would be asked in clear.
    """
    parts = urlsplit(analysis.api)
    if not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)):
        raise UsageError("GITHUB_API_URL: write an address like https://api.github.com")
    url = f"{analysis.api.rstrip('/')}/repos/{analysis.name}/code-scanning/sarifs"
    packed = gzip.compress(sarif.encode(), mtime=0)
    if len(packed) > _LARGEST:
        return Outcome("SARIF was not uploaded: it is larger than GitHub takes", failed=True)
    body = {
        "commit_sha": analysis.commit_id,
        "ref": analysis.ref,
        "sarif": base64.b64encode(packed).decode("ascii"),
        "tool_name": "keyfuse",
    }
    answer = _patiently(url, token, json.dumps(body).encode("ascii"), sleep)
    if answer.status in _NOT_FOR_US:
        return Outcome(
            "SARIF was not uploaded: code scanning is off, or the token has no permission"
            " security-events: write"
        )
    if answer.reason is not None:
        return Outcome(f"SARIF was not uploaded: {answer.reason}", failed=True)
    return _verdict(f"{url}/{answer.body.get('id')}", token, sleep)


class _Answer(NamedTuple):
    status: int
    body: dict[str, Any]
    reason: str | None = None


def _verdict(url: str, token: Secret, sleep: Sleep) -> Outcome:
    for pause in _PAUSES:
        sleep(pause)
        answer = _call(url, token)
        status = answer.body.get("processing_status")
        if status == "complete":
            return Outcome("SARIF was uploaded to code scanning")
        if status == "failed":
            errors = answer.body.get("errors")
            said = "; ".join(map(str, errors)) if isinstance(errors, list) else "no reason given"
            return Outcome(f"code scanning refused the SARIF: {harmless(said[:500])}", failed=True)
    return Outcome("SARIF was uploaded; code scanning has not read it yet")


def _patiently(url: str, token: Secret, body: bytes, sleep: Sleep) -> _Answer:
    """Send until it is answered; the last answer where it never is."""
    answer = _call(url, token, body)
    for pause in _PAUSES:
        if 0 < answer.status < _SERVER_ERROR:
            return answer
        sleep(pause)
        answer = _call(url, token, body)
    return answer


def _call(url: str, token: Secret, body: bytes | None = None) -> _Answer:
    headers = {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {token.reveal()}",
        "User-Agent": "keyfuse",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    if body is not None:
        headers["Content-Type"] = "application/json"
    request = Request(url, body, headers)  # noqa: S310 - https, or this machine; checked
    proxies = ProxyHandler() if url.startswith("https:") else ProxyHandler({})
    try:
        with build_opener(_NoRedirects, proxies).open(request, timeout=_TIMEOUT) as answer:
            return _Answer(answer.status, _parsed(answer.read(_ANSWER_MAX)))
    except HTTPError as error:
        error.close()
        return _Answer(error.code, {}, f"GitHub answered {error.code}")
    except URLError as error:
        return _Answer(0, {}, harmless(str(error.reason)))
    except (OSError, HTTPException) as error:
        return _Answer(0, {}, type(error).__name__)


def _parsed(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


class _NoRedirects(HTTPRedirectHandler):
    """The token goes where it was meant to go and nowhere else."""

    def redirect_request(self, *_arguments: object) -> None:
        return None
