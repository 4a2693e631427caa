"""Encodings that hide secrets from a plain search. Pure.

`DECODERS` has, for each step, what makes a decoder for use on one object. A hook loads only those
that it needs.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keyfuse_rules.decoding.runs import Decoder


def _utf16() -> "Decoder":
    from keyfuse_rules.decoding.utf16 import utf16

    return utf16


def _base64() -> "Decoder":
    from keyfuse_rules.decoding.digits import base64_reader

    return base64_reader()


def _hexadecimal() -> "Decoder":
    from keyfuse_rules.decoding.digits import hexadecimal_reader

    return hexadecimal_reader()


def _percent() -> "Decoder":
    from keyfuse_rules.decoding.substitution import percent

    return percent


def _escape() -> "Decoder":
    from keyfuse_rules.decoding.substitution import escape

    return escape


def _html() -> "Decoder":
    from keyfuse_rules.decoding.substitution import html

    return html


def _joined() -> "Decoder":
    from keyfuse_rules.decoding.joined import joined

    return joined


DECODERS: "dict[str, Callable[[], Decoder]]" = {
    "utf-16": _utf16,
    "base64": _base64,
    "hex": _hexadecimal,
    "percent": _percent,
    "escape": _escape,
    "html": _html,
    "joined": _joined,
}
