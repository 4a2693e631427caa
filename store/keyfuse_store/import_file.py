"""The file that keys from before keyfuse come in: one JSON object a line."""

import json
from datetime import datetime
from typing import Any

from keyfuse_store.errors import InvalidField
from keyfuse_store.importing import OldKey
from keyfuse_store.issue import KeyOrder
from keyfuse_store.times import parse_moment

LINE_MAX = 65_536

# What KeyOrder takes as it is.
_PLAIN = ("owner", "prefix", "name", "scopes", "meta", "rate_limit", "quota", "addresses")
FIELDS = ("hash", *_PLAIN, "created", "expires")


def parse_line(line: str, *, prefix: str | None = None, owner: str | None = None) -> OldKey:
    """Read one line; its values are checked by `importing.check`.

    Args:
        line: A JSON object with `hash` and any of `FIELDS`.
        prefix: The key type, where the line names none.
        owner: The owner, where the line names none.

    Raises:
        InvalidField: the line is no such object; nothing of it is repeated.
    """
    given = _object(line)
    if not set(given) <= set(FIELDS):
        raise InvalidField("line", f"has a field that is none of {', '.join(FIELDS)}")
    asked = {name: given[name] for name in _PLAIN if given.get(name) is not None}
    for name, value in (("prefix", prefix), ("owner", owner)):
        if asked.setdefault(name, value) is None:
            raise InvalidField(name, f"is missing; give it in the line or with --{name}")
    order = KeyOrder(**asked, expires_at=_moment("expires", given))
    return OldKey(order, given.get("hash", ""), _moment("created", given))


def _object(line: str) -> dict[str, Any]:
    if len(line) > LINE_MAX:
        raise InvalidField("line", f"has more than {LINE_MAX} characters")
    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        raise InvalidField("line", "is no JSON") from None
    if not isinstance(given, dict):
        raise InvalidField("line", "is no JSON object")
    return given


def _moment(field: str, given: dict[str, Any]) -> datetime | None:
    value = given.get(field)
    if value is None:
        return None
    return parse_moment(field, value if isinstance(value, str) else "")
