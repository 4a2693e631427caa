"""GitHub's REST API: one call, and what its refusals mean.

An answer is bounded in size and time, no redirect is followed, and a limit is kept: who was told
to wait asks nothing until then, for pressing on is what GitHub blocks integrations for.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import httpx
import structlog

from keyfuse_rules import Secret
from keyfuse_webhook.errors import WebhookError
from keyfuse_webhook.jobs_model import TryAgain

# Seconds. A whole answer has to be there by the second.
_TIMEOUT = 10.0
_DEADLINE = 30.0
# A page of a hundred repositories is 600 kB.
_LARGEST = 8 * 1024 * 1024
# GitHub's own advice for a secondary limit that says nothing more.
_SECONDARY_PAUSE = 60.0
_LONGEST_PAUSE = 3600.0
_PER_PAGE = 100
_FORBIDDEN, _TOO_MANY, _SERVER_ERROR = 403, 429, 500

_log = structlog.get_logger(__name__)


class ApiRefused(WebhookError):
    """GitHub will not do what was asked, however often it is asked.

    Attributes:
        status: The HTTP status: 401 and 403 no access, 404 and 410 gone, 422 not possible.
    """

    def __init__(self, what: str, status: int) -> None:
        super().__init__(f"GitHub's API answered {status} to {what}{_MEANINGS.get(status, '')}")
        self.status = status


class GitHubApi:
    """Calls one API, as whoever a token belongs to.

    Args:
        url: Where it is, from our settings.
        clock: Seconds since 1970.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.time) -> None:
        self._client = httpx.Client(
            base_url=url, timeout=_TIMEOUT, follow_redirects=False, headers=_HEADERS
        )
        self._clock = clock
        self._lock = threading.Lock()
        # Until when whoever has a token waits; limits are counted by token.
        self._resting: dict[Secret, float] = {}

    def call(
        self,
        method: str,
        path: str,
        token: Secret | None,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str | int] | None = None,
    ) -> Any:
        """Return the JSON of an answer.

        Args:
            method: `GET`, `POST`, `PATCH`.
            path: Built of our words, numbers and validated names.
            token: Whose rights are used; None for what needs none.
            body: Sent as JSON.
            query: Put behind the path.

        Raises:
            TryAgain: It may work later: a limit, an outage, an answer that broke off.
            ApiRefused: It will not.
        """
        self._rest(token)
        given = {} if token is None else {"Authorization": f"Bearer {token.reveal()}"}
        try:
            with self._client.stream(
                method, path, headers=given, json=body, params=query
            ) as response:
                content = self._read(response)
        except httpx.HTTPError as error:
            # Its words may name what was sent.
            raise TryAgain(f"GitHub's API: {type(error).__name__}") from None
        if response.is_success:
            return _parsed(content)
        raise self._refusal(f"{method} {path}", response, content, token)

    def pages(
        self,
        path: str,
        token: Secret | None,
        *,
        most: int,
        query: Mapping[str, str | int] | None = None,
        within: str | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the entries of a list, page by page.

        Args:
            path: Of the list.
            token: Whose rights are used.
            most: How many at most.
            query: Put behind the path.
            within: The field of the answer that has the list, where it is not the answer itself.

        Raises:
            TryAgain: As `call` does.
            ApiRefused: As `call` does.
        """
        for page in range(1, -(-most // _PER_PAGE) + 1):
            asked = {**(query or {}), "per_page": _PER_PAGE, "page": page}
            answer = self.call("GET", path, token, query=asked)
            entries = answer.get(within) if within and isinstance(answer, dict) else answer
            if not isinstance(entries, list):
                raise TryAgain(f"GitHub's API gave no list for {path}")
            yield from (entry for entry in entries if isinstance(entry, dict))
            if len(entries) < _PER_PAGE:
                return

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _rest(self, token: Secret | None) -> None:
        """Ask nothing before the time that GitHub named."""
        with self._lock:
            left = self._resting.get(token or _NOBODY, 0.0) - self._clock()
        if left > 0:
            raise TryAgain("the limit of GitHub's API is used up", after=left)

    def _read(self, response: httpx.Response) -> bytes:
        deadline = time.monotonic() + _DEADLINE
        body = bytearray()
        # Not unpacked: an answer in an encoding nobody asked for is no JSON.
        for piece in response.iter_raw():
            body += piece
            if len(body) > _LARGEST or time.monotonic() > deadline:
                raise TryAgain("GitHub's API: an answer too large or too slow to be one")
        return bytes(body)

    def _refusal(
        self, what: str, response: httpx.Response, content: bytes, token: Secret | None
    ) -> WebhookError:
        pause = limit_pause(response.status_code, response.headers, content, self._clock())
        if pause is not None:
            with self._lock:
                self._resting = {
                    whose: until for whose, until in self._resting.items() if until > self._clock()
                } | {token or _NOBODY: self._clock() + pause}
            _log.warning("github_limit_reached", seconds=round(pause))
            return TryAgain("the limit of GitHub's API is used up", after=pause)
        if response.status_code >= _SERVER_ERROR:
            return TryAgain(f"GitHub's API answered {response.status_code}")
        return ApiRefused(what, response.status_code)


@dataclass(frozen=True, slots=True)
class Below:
    """The calls below one path, with one token: those of a repository, say."""

    api: GitHubApi
    base: str
    token: Secret

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """As `GitHubApi.call`."""
        return self.api.call(method, self.base + path, self.token, body=body)

    def pages(
        self,
        path: str,
        *,
        most: int,
        query: Mapping[str, str | int] | None = None,
        within: str | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """As `GitHubApi.pages`."""
        return self.api.pages(self.base + path, self.token, most=most, query=query, within=within)


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


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdigit() else None


def _parsed(content: bytes) -> Any:
    """Return the JSON of an answer that may have none."""
    if not content.strip():
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise TryAgain("GitHub's API answered with something that is not JSON") from None


_MEANINGS = {
    401: ": the App's id and key, or the token, are not right",
    403: ": no access, or a permission of the App is missing",
    404: ": it is gone, or the App may not see it",
    410: ": it is switched off there",
    301: ": it was renamed; redirects are not followed",
    302: ": redirects are not followed",
    307: ": redirects are not followed",
}
_NOBODY = Secret("")
_SHOWN_BY_LIMITS = 4096
_HEADERS = {
    "Accept": "application/vnd.github+json",
    "Accept-Encoding": "identity",
    "User-Agent": f"keyfuse/{version('keyfuse')}",
    "X-GitHub-Api-Version": "2022-11-28",
}
