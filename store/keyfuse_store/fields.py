"""Limits on what a caller may write into a key or an owner; each error names the field.

Nothing here repeats the value: people paste keys where names belong.
"""

import json
import re
from collections.abc import Mapping

from keyfuse_rules.keyfinding import find_keys
from keyfuse_rules.keyformat import ID_LENGTH
from keyfuse_rules.redact import scrub
from keyfuse_store.errors import InvalidField

NAME_MAX = 120
REASON_MAX = 500
EMAIL_MAX = 254
META_MAX = 4096
ACTOR_MAX = 120

_KEY_ID = re.compile(f"[0-9A-Za-z]{{{ID_LENGTH}}}")
_OWNER_ID = re.compile(r"own_[0-9a-f]{16}")
# RFC 5321 has more to offer; what is refused here would only serve to forge mail headers.
# What reads headers finds no address at all where a part of the domain is empty, and another one
# where an encoded word (RFC 2047) stands in it.
_EMAIL = re.compile(
    r"(?!.*=\?)[^@\s<>(),;:\\\"\[\]]{1,64}@[^@\s<>(),;:\\\"\[\].]+(?:\.[^@\s<>(),;:\\\"\[\].]+)*"
)


def line(field: str, value: object, *, longest: int = NAME_MAX, empty: bool = True) -> str:
    """One line of text that people read.

    Raises:
        InvalidField: not text, too long, empty, with control or invisible characters, or a key.
    """
    words = text(field, value)
    if not empty and not words.strip():
        raise InvalidField(field, "must not be empty")
    if len(words) > longest:
        raise InvalidField(field, f"has {len(words)} characters; {longest} are allowed")
    if not words.isprintable():
        raise InvalidField(field, "holds control or invisible characters")
    return _without_key(field, words)


def email(field: str, value: object) -> str:
    """A mail address, as given.

    Raises:
        InvalidField: it is none, or could break a mail header.
    """
    address = line(field, value, longest=EMAIL_MAX, empty=False)
    if _EMAIL.fullmatch(address) is None:
        raise InvalidField(field, "must be a mail address like ops@example.com")
    return address


def meta(field: str, value: Mapping[str, object] | None) -> str:
    """Free-form data as JSON text of at most 4096 bytes.

    Raises:
        InvalidField: no mapping, no JSON, too large, or it holds a key.
    """
    if value is None:
        return "{}"
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise InvalidField(field, "must be an object with text for names")
    text = as_json(field, value)
    if len(text) > META_MAX:
        raise InvalidField(field, f"has {len(text)} bytes as JSON; {META_MAX} are allowed")
    return _without_key(field, text)


def as_json(field: str, value: Mapping[str, object]) -> str:
    """Canonical JSON text: sorted names, no white space, ASCII.

    Raises:
        InvalidField: the value holds something that JSON has no form for.
    """
    try:
        return json.dumps(dict(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise InvalidField(field, "must be plain JSON: objects, lists, text, numbers") from None


def reason(value: object) -> str:
    """Why somebody does something, as the record keeps it: what is no text is the only refusal.

    Raises:
        InvalidField: it is not text.
    """
    return shown(text("reason", value), REASON_MAX)


def text(field: str, value: object) -> str:
    """Text of any kind.

    Raises:
        InvalidField: it is something else.
    """
    if not isinstance(value, str):
        raise InvalidField(field, "must be text")
    return value


def shown(text: str, longest: int) -> str:
    """Foreign text as the record keeps it: on one line, keys in it cut, never refused."""
    line = "".join(letter if letter.isprintable() else " " for letter in scrub(text))
    return line if len(line) <= longest else line[: longest - 1] + "…"


def key_id(value: object) -> str:
    """A key id.

    Raises:
        InvalidField: it is none; a whole key given by mistake is not repeated.
    """
    if not isinstance(value, str) or _KEY_ID.fullmatch(value) is None:
        raise InvalidField("key_id", f"must be the {ID_LENGTH} letters and digits of a key id")
    return value


def is_owner_id(value: object) -> bool:
    """Tell an owner id from a mail address."""
    return isinstance(value, str) and _OWNER_ID.fullmatch(value) is not None


def _without_key(field: str, value: str) -> str:
    if find_keys(value.encode("utf-8", "surrogatepass")).keys:
        raise InvalidField(field, "holds an API key; a plaintext key is never stored")
    return value
