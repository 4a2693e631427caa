"""GitHub's REST API: one call, and what its refusals mean.

An answer is bounded in size and time, no redirect is followed, and a limit is kept: who was told
to wait asks nothing until then, for pressing on is what GitHub blocks integrations for.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, NamedTuple

import httpx
import structlog

from keyfuse_rules import Secret
from keyfuse_webhook.errors import WebhookError
from keyfuse_webhook.github_answers import (
    ApiRefused,
    entries,
    limit_pause,
    next_cursor,
    parsed,
)
from keyfuse_webhook.jobs_model import TryAgain

# Seconds. A whole answer has to be there by the second.
_TIMEOUT = 10.0
_DEADLINE = 30.0
# A page of a hundred repositories is 600 kB.
_LARGEST = 8 * 1024 * 1024
_PER_PAGE = 100
_SERVER_ERROR = 500

_log = structlog.get_logger(__name__)


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
        return self._ask(method, path, token, body, query).document

    def _ask(
        self,
        method: str,
        path: str,
        token: Secret | None,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str | int] | None,
    ) -> "_Answer":
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
            return _Answer(parsed(content), next_cursor(response.links))
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
            listed = answer.get(within) if within and isinstance(answer, dict) else answer
            found = entries(listed, path)
            yield from found
            if len(found) < _PER_PAGE:
                return

    def cursored(
        self, path: str, token: Secret | None, *, most: int
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the entries of a list whose pages follow each other by cursor; as `pages`."""
        query: dict[str, str | int] = {"per_page": _PER_PAGE}
        for _ in range(-(-most // _PER_PAGE)):
            answer = self._ask("GET", path, token, None, query)
            yield from entries(answer.document, path)
            if answer.cursor is None:
                return
            query["cursor"] = answer.cursor

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


class _Answer(NamedTuple):
    document: Any
    cursor: str | None


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


_NOBODY = Secret("")
_HEADERS = {
    "Accept": "application/vnd.github+json",
    "Accept-Encoding": "identity",
    "User-Agent": f"keyfuse/{version('keyfuse')}",
    "X-GitHub-Api-Version": "2022-11-28",
}
