"""Reading what a client sends: strictly, and without ever repeating it.

A number is a number and nothing that could be taken for one; a parameter that is not known, or
that comes twice, is refused. Clients then notice a typing error instead of wondering.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec

from keyfuse_store.credentials import Header
from keyfuse_store.errors import InvalidField
from keyfuse_webhook.management.refusals import Unfit

IDEMPOTENCY_KEY = b"idempotency-key"
IF_MATCH = b"if-match"

_PARAMETERS_MAX = 20
_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_TAG = re.compile(r'"([0-9a-f]{32})"', re.ASCII)
_PLACE = re.compile(r" - at `\$?\.?([^`]*)`\Z")
_QUOTED = re.compile(r'"([^"\\]*)"')
# Of msgspec's messages, those made of our own words: the others repeat what came in.
_OURS = ("Expected ", "Object missing ", "Number out of range", "Invalid RFC3339")
_NO_VERSION = "none"

Shape = TypeVar("Shape", bound=msgspec.Struct)


def read_query(kind: type[Shape], raw: bytes) -> Shape:
    """The query string as the struct that describes it.

    Raises:
        Unfit: it is malformed, or a parameter is unknown, doubled or of the wrong kind.
        InvalidField: a parameter is no text on one line.
    """
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=_PARAMETERS_MAX,
            errors="strict",
        )
    except ValueError:
        raise Unfit(400, field="query", problem="is no query string") from None
    given = dict(pairs)
    if len(given) < len(pairs):
        raise Unfit(400, field="query", problem="has a parameter twice")
    hints: Mapping[str, Any] = get_type_hints(kind)
    numbers = {name for name, hint in hints.items() if int in {hint, *get_args(hint)}}
    lists = {name for name, hint in hints.items() if _is_list(hint)}
    typed: dict[str, object] = {
        name: int(text) if name in numbers and _WHOLE.fullmatch(text) else text
        for name, text in given.items()
    }
    typed |= {name: given[name].split(",") for name in lists & set(given)}
    for name, text in given.items():
        if name in hints and not text.isprintable():
            raise InvalidField(name, "holds control or invisible characters")
    try:
        return msgspec.convert(typed, kind)
    except msgspec.ValidationError as error:
        raise _unfit(error, "query") from None


def read_json(decoder: "msgspec.json.Decoder[Shape]", body: bytes) -> Shape:
    """The body as the struct that describes it.

    Raises:
        Unfit: it is no JSON, or not of that shape.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _unfit(error, "body") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Unfit(400, field="body", problem="is no JSON") from None


def check_media_type(headers: Iterable[Header]) -> None:
    """Make sure that a body is sent as JSON: what a form on another site can send is not.

    Raises:
        Unfit: it is not.
    """
    named = _single(headers, b"content-type")
    if named is None or named.partition(";")[0].strip().lower() != "application/json":
        raise Unfit(415)


def idempotency_key(headers: Iterable[Header]) -> str | None:
    """The key of `Idempotency-Key`, in quotes (RFC 9651) or without, as many clients send it.

    Raises:
        Unfit: it comes twice.
    """
    text = _single(headers, IDEMPOTENCY_KEY)
    quoted = _QUOTED.fullmatch(text or "")
    return quoted[1] if quoted else text


def seen_version(headers: Iterable[Header]) -> str | None:
    """The version of `If-Match` (RFC 9110, 13.1.1); None for no condition.

    A tag that is weak, foreign or one of several matches no version of ours.

    Raises:
        Unfit: it comes twice.
    """
    text = _single(headers, IF_MATCH)
    if text is None or text == "*":
        return None
    tag = _TAG.fullmatch(text)
    return tag[1] if tag else _NO_VERSION


def _single(headers: Iterable[Header], name: bytes) -> str | None:
    # White space around a field's value is no part of it (RFC 9110, 5.5): these two, no others.
    found = [value.decode("latin-1").strip(" \t") for key, value in headers if key.lower() == name]
    if len(found) > 1:
        raise Unfit(400, field=name.decode(), problem="comes twice")
    return found[0] if found else None


def _is_list(hint: Any) -> bool:
    return any(get_origin(one) is tuple for one in (hint, *get_args(hint)))


def _unfit(error: msgspec.ValidationError, where: str) -> Unfit:
    message = str(error)
    place = _PLACE.search(message)
    problem = message[: place.start()] if place else message
    if not problem.startswith(_OURS):
        unknown = problem.startswith("Object contains unknown")
        problem = "has a field that is not known" if unknown else "is not one of the allowed values"
    return Unfit(400, field=(place[1] if place else "") or where, problem=problem)
