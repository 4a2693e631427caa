"""A secret scanning alert as GitHub's REST API tells it: which texts it holds, and where. No I/O.

https://docs.github.com/en/rest/secret-scanning/secret-scanning
"""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from keyfuse_rules.keyfinding import find_keys
from keyfuse_store.evidence import Evidence
from keyfuse_webhook.events import AlertNamed
from keyfuse_webhook.github_names import object_id
from keyfuse_webhook.partner_alerts import foreign_text, strip_token

_LONGEST_KIND = 40
_LONGEST_PATH = 1000
_LINES_END = 10**9
_UNTOLD = "secret_scanning"


def candidates(alert: Mapping[str, Any]) -> list[str]:
    """What in an alert may be a key of ours: its secret as a whole, and every key in it."""
    secret = alert.get("secret")
    if not isinstance(secret, str):
        return []
    texts = [secret, *_decoded(secret)]
    found = (
        data[one.start : one.end].decode("ascii")
        for data in (text.encode("utf-8", "replace") for text in texts)
        for one in find_keys(data).keys
    )
    return list(dict.fromkeys([*map(strip_token, texts), *found]))


def places(alert: AlertNamed, server: str, locations: Iterable[object]) -> list[Evidence]:
    """The evidence of an alert: a piece for each place, or the alert itself where none is told.

    Args:
        alert: Which.
        server: Where pages are, from our settings; addresses in the answer are not used.
        locations: As the API gives them.
    """
    told = [_place(alert, server, one) for one in locations if isinstance(one, dict)]
    return told or [_place(alert, server, {})]


def first_place(document: Mapping[str, Any]) -> list[object]:
    """The place that an alert itself tells, as the list of places tells it.

    It comes without the word for its kind: a commit is known by its fields, the rest is not told.
    """
    details = document.get("first_location_detected")
    if not isinstance(details, dict) or "blob_sha" not in details or "page_url" in details:
        return []
    return [{"type": "commit", "details": details}]


def _decoded(secret: str) -> Iterator[str]:
    """What a secret says that is encoded; GitHub marks those it knows, and we need no mark."""
    try:
        yield base64.b64decode(secret.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return


def _place(alert: AlertNamed, server: str, location: Mapping[str, Any]) -> Evidence:
    kind = foreign_text(location.get("type"), _LONGEST_KIND) or _UNTOLD
    url = alert.repository.alert_url(server, alert.number)
    details = location.get("details")
    commit = object_id(details.get("commit_sha")) if isinstance(details, dict) else None
    if not isinstance(details, dict) or kind != "commit" or commit is None:
        return Evidence(origin="github", trust="signed", source=kind, url=url)
    path = foreign_text(details.get("path"), _LONGEST_PATH)
    line = details.get("start_line")
    whole = int(line) if isinstance(line, int | float) and 0 < line < _LINES_END else None
    named = path.lstrip("/") if path else None
    return Evidence(
        origin="github",
        trust="signed",
        source=kind,
        url=alert.repository.place_url(server, commit, named, whole) or url,
        commit=commit,
        path=path,
        line=whole,
    )
