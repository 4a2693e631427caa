"""Anonymous reports of leaked keys as values: bytes in, tokens with their words out. No I/O.

The body is a JSON object with `tokens`, a list whose items are texts or objects with `token`,
`url` and `source`; `url` and `source` beside it hold for the items that have none. A bare list,
or an object with one `token`, is taken too: whoever holds a leaked key shall not have to read
a manual first.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keyfuse_webhook.partner_alerts import foreign_text, strip_token
from keyfuse_webhook.problem import Refusal

MOST_TOKENS = 1000
LARGEST = 256 * 1024
_LONGEST_URL = 2000
_LONGEST_SOURCE = 64

BAD_REPORT = Refusal(
    400, "invalid_report", 'Send a JSON object: {"tokens": [text], "url": text, "source": text}.'
)
TOO_MANY_TOKENS = Refusal(413, "too_many_tokens", "Send at most 1,000 tokens at once.")


@dataclass(frozen=True, slots=True)
class Report:
    """One token somebody says has leaked, in their words.

    Attributes:
        token: The text to look up; never shown.
        url: Where it is said to have been seen; unverified.
        source: What kind of place that is said to be; unverified.
    """

    token: str
    url: str | None
    source: str | None

    def __repr__(self) -> str:
        return "Report()"


def read_reports(body: bytes) -> list[Report] | Refusal:
    """Read a body of at most `LARGEST` bytes."""
    try:
        document = json.loads(body.decode("utf-8"), parse_int=float)
    except (ValueError, RecursionError):
        return BAD_REPORT
    items = _items(document)
    if items is None or not all(map(_is_item, items)):
        return BAD_REPORT
    if len(items) > MOST_TOKENS:
        return TOO_MANY_TOKENS
    around = document if isinstance(document, Mapping) else {}
    return _without_tokens([_report(item, around) for item in items])


def _items(document: Any) -> Sequence[Any] | None:
    if isinstance(document, list):
        return document
    if not isinstance(document, Mapping):
        return None
    if "tokens" in document:
        tokens = document["tokens"]
        return tokens if isinstance(tokens, list) and "token" not in document else None
    return [document] if "token" in document else None


def _is_item(item: Any) -> bool:
    return isinstance(item.get("token") if isinstance(item, Mapping) else item, str)


def _report(item: Any, around: Mapping[str, Any]) -> Report:
    words = {**around, **item} if isinstance(item, Mapping) else around
    token = item["token"] if isinstance(item, Mapping) else item
    return Report(
        strip_token(token),
        foreign_text(words.get("url"), _LONGEST_URL),
        foreign_text(words.get("source"), _LONGEST_SOURCE),
    )


def _without_tokens(reports: list[Report]) -> list[Report]:
    """The reports without words that repeat a reported token: other people's are not kept."""
    tokens = {report.token for report in reports if report.token}
    clean = {words: _holds_none(words, tokens) for report in reports for words in _words(report)}
    return [
        Report(
            report.token,
            report.url if clean.get(report.url or "") else None,
            report.source if clean.get(report.source or "") else None,
        )
        for report in reports
    ]


def _words(report: Report) -> Iterator[str]:
    yield from (words for words in (report.url, report.source) if words)


def _holds_none(words: str, tokens: set[str]) -> bool:
    return not any(token in words for token in tokens)
