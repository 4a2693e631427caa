"""Find keys of format v1 in arbitrary bytes.

Text is often glued to a key (`FOO_`, `u003d`, `%3d`, `_suffix`), so no boundary is asked on
either side. The marker and the 48 characters after it anchor a candidate; the checksum then
tells where the key begins.
"""

import re
from typing import NamedTuple
from zlib import crc32

from keyfuse_rules.base62 import decode
from keyfuse_rules.keyformat import (
    CHECKSUM_LENGTH,
    ID_LENGTH,
    MARKER,
    PREFIX_MAX,
    TAIL_LENGTH,
    TAIL_PATTERN,
)
from keyfuse_rules.prefixes import PREFIX_PATTERN

CANDIDATE_LIMIT = 10_000

_ANCHOR = re.compile(f"{MARKER}{TAIL_PATTERN}".encode())
_LEGAL_PREFIX = re.compile(PREFIX_PATTERN.encode()).fullmatch
_PREFIX_CHARACTERS = b"abcdefghijklmnopqrstuvwxyz0123456789_"
_CRC_MAX = 0xFFFF_FFFF


class FoundKey(NamedTuple):
    """One key-shaped run: `data[start:end]` is the token."""

    start: int
    end: int
    prefix: str
    key_id: str
    valid: bool


class FoundKeys(NamedTuple):
    """The keys of one object, in order; `complete` is False past the candidate limit."""

    keys: list[FoundKey]
    complete: bool


def find_keys(data: bytes, limit: int = CANDIDATE_LIMIT) -> FoundKeys:
    """Return every key in `data`, valid or with a wrong checksum.

    Args:
        data: Any bytes.
        limit: How many anchors to look at; hostile input may hold millions.
    """
    keys: list[FoundKey] = []
    position = 0
    for _ in range(limit):
        anchor = _ANCHOR.search(data, position)
        if anchor is None:
            return FoundKeys(keys, complete=True)
        key = resolve(data, anchor.start())
        if key is not None:
            keys.append(key)
        # A key holds no second marker, so the next one begins behind this one's tail.
        position = anchor.end()
    return FoundKeys(keys, complete=_ANCHOR.search(data, position) is None)


def resolve(data: bytes, marker: int) -> FoundKey | None:
    """Return the key whose marker stands at `marker`, or None where no legal prefix precedes it.

    The longest start whose checksum fits is the key. If none fits, the longest legal prefix makes
    the candidate with `valid` False.
    """
    end = marker + len(MARKER) + TAIL_LENGTH
    tail = data[marker:end]
    checksum = decode(tail[-CHECKSUM_LENGTH:].decode("ascii"))
    if checksum > _CRC_MAX:
        return None
    body = tail[:-CHECKSUM_LENGTH]
    longest: int | None = None
    for start in _possible_starts(data, marker):
        if crc32(body, crc32(data[start:marker])) == checksum and _is_legal(data, start, marker):
            return _found(data, start, marker, valid=True)
        if longest is None and _is_legal(data, start, marker):
            longest = start
    return None if longest is None else _found(data, longest, marker, valid=False)


def _possible_starts(data: bytes, marker: int) -> range:
    """Return the positions, leftmost first, from where prefix characters lead to the marker."""
    window = data[max(0, marker - PREFIX_MAX) : marker]
    run = len(window) - len(window.rstrip(_PREFIX_CHARACTERS))
    return range(marker - run, marker)


def _is_legal(data: bytes, start: int, marker: int) -> bool:
    return _LEGAL_PREFIX(data, start, marker) is not None


def _found(data: bytes, start: int, marker: int, *, valid: bool) -> FoundKey:
    tail = marker + len(MARKER)
    return FoundKey(
        start=start,
        end=tail + TAIL_LENGTH,
        prefix=data[start:marker].decode("ascii"),
        key_id=data[tail : tail + ID_LENGTH].decode("ascii"),
        valid=valid,
    )
