"""Send keys that a scan found to the service that issued them, to be burned.

Only keys with a right checksum whose exact prefix the user named leave this machine: a prefix says
whose key it is, and nobody else's is any of that service's business. They go over TLS, or to this
very machine; no redirect is followed, for it could lead anywhere.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import SplitResult, urlsplit

from keyfuse_rules.errors import RulesError
from keyfuse_rules.keyformat import parse
from keyfuse_rules.prefixes import check_grammar
from keyfuse_scanner.errors import UsageError
from keyfuse_scanner.model import Finding, Problem
from keyfuse_scanner.printable import harmless

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

_PATH = "/v1/leaks"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
# What the service takes at once: 1,000 tokens, 256 KiB.
_BATCH = 500
_TIMEOUT = 20.0
_PAUSES = (1.0, 2.0, 4.0, 8.0)
_LONGEST_PAUSE = 30.0
_TOO_MANY, _SERVER_ERROR = 429, 500

Sleep = Callable[[float], None]


class Target(NamedTuple):
    """Where to report, and which keys.

    Attributes:
        url: The whole address of the endpoint.
        prefixes: Exact prefixes; keys of others stay here.
    """

    url: str
    prefixes: frozenset[str]


def target(url: str, prefixes: Iterable[str]) -> Target:
    """Return the target that the options name; an address without a path is that of a service.

    Raises:
        UsageError: no prefix is named, one is malformed, or the address would send keys in clear.
    """
    named = frozenset(prefixes)
    if not named:
        raise UsageError(
            "--report-to needs --report-prefix: only keys with a named prefix are sent"
        )
    for prefix in named:
        try:
            check_grammar(prefix)
        except RulesError as error:
            raise UsageError(f"--report-prefix: {error}") from None
    parts = _split(url)
    if parts.path in {"", "/"}:
        parts = parts._replace(path=_PATH)
    return Target(parts.geturl(), named)


def send(where: Target, findings: Iterable[Finding], sleep: Sleep = time.sleep) -> list[Problem]:
    """Report the keys among the findings that are the target's; return what failed."""
    items = list(_items(where, findings))
    if not items:
        return []
    opener = _opener(where.url)
    failed = []
    for start in range(0, len(items), _BATCH):
        batch = items[start : start + _BATCH]
        reason = _deliver(opener, where.url, batch, sleep)
        if reason is not None:
            message = f"{len(batch)} keys could not be reported to {_shown(where.url)}: {reason}"
            failed.append(Problem(message, None, None))
    return failed


def count(where: Target, findings: Iterable[Finding]) -> int:
    """Return how many keys among the findings are the target's."""
    return sum(1 for _ in _items(where, findings))


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise UsageError("--report-to: not an address; write https://keys.example.com") from None
    if not parts.hostname or "@" in parts.netloc or parts.scheme not in {"http", "https"}:
        raise UsageError("--report-to: write an address like https://keys.example.com")
    if any(character <= " " or character > "~" for character in url):
        raise UsageError("--report-to: only ASCII characters, and no spaces")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise UsageError("--report-to: keys go over https only, or to this machine over http")
    return parts._replace(fragment="")


def _items(where: Target, findings: Iterable[Finding]) -> Iterator[dict[str, str]]:
    seen: set[str] = set()
    for finding in findings:
        token = finding.secret.reveal()
        key = parse(token) if finding.checksum == "valid" else None
        if key is None or key.prefix not in where.prefixes or token in seen:
            continue
        seen.add(token)
        yield {"token": token, "source": f"keyfuse scan: {finding.place}", "url": _place(finding)}


def _place(finding: Finding) -> str:
    place = finding.path or finding.place
    if finding.line is not None:
        place = f"{place}:{finding.line}"
    return f"{place} in {finding.commit}" if finding.commit else place


def _opener(url: str) -> "OpenerDirector":
    from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener

    class NoRedirects(HTTPRedirectHandler):
        def redirect_request(self, *_arguments: object) -> None:
            return None

    # A proxy would see what goes over http in clear.
    proxies = ProxyHandler() if url.startswith("https:") else ProxyHandler({})
    return build_opener(NoRedirects, proxies)


def _deliver(
    opener: "OpenerDirector", url: str, batch: Sequence[dict[str, str]], sleep: Sleep
) -> str | None:
    """Send one batch; None once it was accepted, else why it was not."""
    import json

    body = json.dumps({"tokens": batch}).encode("ascii")
    for pause in (*_PAUSES, None):
        reason, asked = _attempt(opener, url, body)
        if asked is None or pause is None:
            return reason
        sleep(min(max(pause, asked), _LONGEST_PAUSE))
    return None


def _attempt(opener: "OpenerDirector", url: str, body: bytes) -> tuple[str | None, float | None]:
    """Post once: the reason of a failure, and after how many seconds to try again (None: never)."""
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import Request

    headers = {"Content-Type": "application/json", "User-Agent": "keyfuse"}
    request = Request(url, body, headers, method="POST")  # noqa: S310 - http or https, checked
    try:
        with opener.open(request, timeout=_TIMEOUT):
            return None, None
    except HTTPError as error:
        error.close()
        again = error.code == _TOO_MANY or error.code >= _SERVER_ERROR
        return f"it answered {error.code}", _asked(error.headers) if again else None
    except URLError as error:
        return _words(error.reason), 0.0
    except (OSError, HTTPException) as error:
        return _words(error), 0.0


def _asked(headers: object) -> float:
    value = str(getattr(headers, "get", lambda _: "")("Retry-After") or "")
    return float(value) if value.isascii() and value.isdigit() else 0.0


def _words(reason: object) -> str:
    if isinstance(reason, OSError) and reason.strerror:
        return harmless(reason.strerror.lower())
    return type(reason).__name__ if isinstance(reason, Exception) else harmless(str(reason))


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
