r"""Key format v1: build, parse and check one whole key.

    acme_live_kf1 3uGk0aXb2Q nB7…32 base62…x9 0hT4cZ        one token, no spaces
    └prefix─┘└m┘ └id: 10──┘ └secret: 32─────┘ └crc: 6┘

The checksum is the CRC-32 (IEEE 802.3) of every byte before it, prefix and marker included, as
base62. Parsing takes a whole string and never searches; finding keys in bytes is
`keyfuse_rules.keyfinding`.
"""

import os
import re
from collections.abc import Callable
from typing import NamedTuple
from zlib import crc32

from keyfuse_rules.base62 import ALPHABET, encode_crc32
from keyfuse_rules.errors import RulesError
from keyfuse_rules.prefixes import PREFIX_PATTERN, check_grammar
from keyfuse_rules.secret import Secret

MARKER = "_kf1"
PREFIX_MAX = 40
ID_LENGTH = 10
SECRET_LENGTH = 32
CHECKSUM_LENGTH = 6
TAIL_LENGTH = ID_LENGTH + SECRET_LENGTH + CHECKSUM_LENGTH
TOKEN_MAX = PREFIX_MAX + len(MARKER) + TAIL_LENGTH
RANDOMNESS_LENGTH = 64

# 2^32-1 is `4gfFC3` in base62, so the first character of a checksum is never above 4.
TAIL_PATTERN = r"[0-9A-Za-z]{42}[0-4][0-9A-Za-z]{5}"

_WHOLE = re.compile(f"(?:{PREFIX_PATTERN}){MARKER}{TAIL_PATTERN}").fullmatch
_ID_SLICE = slice(-TAIL_LENGTH, -TAIL_LENGTH + ID_LENGTH)
_SECRET_TOKEN_SCHEME = "secret-token:"  # noqa: S105 - the URI scheme of RFC 8959, no secret
_SCHEME_END = len(_SECRET_TOKEN_SCHEME)
# A byte below 248 = 4 * 62 maps to a character without bias; the others are thrown away.
_UNBIASED = len(ALPHABET) * 4


class RandomnessExhausted(RulesError):
    """Too many of the given random bytes had to be rejected; ask for fresh ones."""


class ParsedKey(NamedTuple):
    """The public parts of a key whose checksum holds; never the secret."""

    prefix: str
    key_id: str


def parse(text: str) -> ParsedKey | None:
    """Return the public parts of a key, or None where the text is not exactly one.

    Nothing is stripped and nothing is searched: one character more, less or different is no key.
    """
    key_id = parse_id(text)
    return None if key_id is None else ParsedKey(text[: -TAIL_LENGTH - len(MARKER)], key_id)


def parse_id(text: str) -> str | None:
    """Return the id in a key, as `parse` does but with nothing to unpack: for the hot path."""
    # All that varies in length is the prefix: this holds it to PREFIX_MAX as well.
    if len(text) > TOKEN_MAX or not text.isascii():
        return None
    # What is mistyped stops here, for half of what the pattern would cost.
    if encode_crc32(crc32(text[:-CHECKSUM_LENGTH].encode())) != text[-CHECKSUM_LENGTH:]:
        return None
    return None if _WHOLE(text) is None else text[_ID_SLICE]


def strip_presentation(text: str) -> str:
    """Return the key without the `secret-token:` that RFC 8959 lets people write before it.

    Schemes of URIs are the same in capitals (RFC 3986, section 3.1).
    """
    if text[:_SCHEME_END].lower() != _SECRET_TOKEN_SCHEME:
        return text
    return text[_SCHEME_END:]


def build(prefix: str, randomness: bytes) -> Secret:
    """Return the key that `prefix` and `randomness` determine.

    Args:
        prefix: Issuer, environment and class; only its grammar is checked here.
        randomness: Uniform bytes; 64 are enough but for one call in about 10^30.

    Raises:
        InvalidPrefix: The prefix breaks the grammar of the format.
        RandomnessExhausted: Fewer than 42 of the bytes were usable.
    """
    check_grammar(prefix)
    usable = [ALPHABET[byte % len(ALPHABET)] for byte in randomness if byte < _UNBIASED]
    length = ID_LENGTH + SECRET_LENGTH
    if len(usable) < length:
        raise RandomnessExhausted(f"{len(usable)} of {length} random characters could be drawn")
    body = prefix + MARKER + "".join(usable[:length])
    return Secret(body + encode_crc32(crc32(body.encode())))


def generate(
    prefix: str, token_bytes: Callable[[int], bytes] = os.urandom
) -> tuple[Secret, ParsedKey]:
    """Return a fresh key and its public parts, drawn from the system's CSPRNG.

    Raises:
        InvalidPrefix: The prefix breaks the grammar of the format.
    """
    while True:
        try:
            token = build(prefix, token_bytes(RANDOMNESS_LENGTH))
        except RandomnessExhausted:
            continue
        return token, ParsedKey(prefix, token.reveal()[_ID_SLICE])
