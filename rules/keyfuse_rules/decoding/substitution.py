"""Texts in which some characters are written as something longer: percent, escapes, entities.

They are decoded a few kilobytes around a hit; what is written plainly stays as it is.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator

from keyfuse_rules.decoding.runs import Run

# Secrets are found from their heads on, and up to six bytes may stand for one.
BEFORE, BEHIND = 512, 12_288

_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_ENTITY = re.compile(
    rb"&(?:#[xX]0{0,6}([0-9A-Fa-f]{1,6})|#0{0,6}([0-9]{1,7})|"
    rb"(lowbar|UnderBar|hyphen|dash|period|colon|sol|bsol|equals|plus|quot|apos|amp|lt|gt|commat|num|nbsp))"
    rb";?"
)
_ESCAPE = re.compile(
    rb"\\+(?:u\{0{0,6}([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|"
    rb"x\{?([0-9A-Fa-f]{2})\}?|(0?[0-3][0-7]{2})|(\r?\n)|([^0-9A-Za-z\r\n\\]|[abefnrtv]))"
)
_NAMES = {
    b"lowbar": b"_",
    b"UnderBar": b"_",
    b"hyphen": b"-",
    b"dash": b"-",
    b"period": b".",
    b"colon": b":",
    b"sol": b"/",
    b"bsol": b"\\",
    b"equals": b"=",
    b"plus": b"+",
    b"quot": b'"',
    b"apos": b"'",
    b"amp": b"&",
    b"lt": b"<",
    b"gt": b">",
    b"commat": b"@",
    b"num": b"#",
    b"nbsp": b" ",
}
_LETTERS = dict(zip(b"abefnrtv", b"\a\b\x1b\f\n\r\t\v", strict=True))
_HIGHEST = 0x10FFFF


def percent(data: bytes, anchor: int, _phase: int) -> Iterator[Run]:
    """Decode `%5F` (RFC 3986, section 2.1)."""
    yield substituted("percent", data, anchor, _PERCENT, lambda found: bytes((int(found[1], 16),)))


def html(data: bytes, anchor: int, _phase: int) -> Iterator[Run]:
    """Decode `&#95;`, `&#x5f;` and the named entities that stand for ASCII punctuation."""
    yield substituted("html", data, anchor, _ENTITY, _entity)


def escape(data: bytes, anchor: int, _phase: int) -> Iterator[Run]:
    r"""Decode what follows a backslash in JSON, shells and programming languages.

    `\u005f`, `\u{5f}`, `\U0000005f`, `\x5f`, `\137`, `\_`, `\n`, and a backslash at the end of a
    line, which continues it. Several backslashes count as one: text is often quoted twice.
    """
    yield substituted("escape", data, anchor, _ESCAPE, _escape)


def substituted(
    step: str,
    data: bytes,
    anchor: int,
    pattern: re.Pattern[bytes],
    replacement: Callable[[re.Match[bytes]], bytes],
    *,
    behind: int = BEHIND,
) -> Run:
    """Return what stands around an offset with all that fits a pattern replaced."""
    begin, end = max(0, anchor - BEFORE), min(len(data), anchor + behind)
    text = bytearray()
    places = _Places()
    position = begin
    for found in pattern.finditer(data, begin, end):
        start = found.start()
        places.add(len(text), position, 1)
        text += data[position:start]
        places.add(len(text), start, 0)
        text += replacement(found)
        position = found.end()
    places.add(len(text), position, 1)
    text += data[position:end]
    return Run(step, bytes(text), begin, end, places)


class _Places:
    """Where each byte stands, told by stretches: few are asked for, and there are thousands."""

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._stretches: list[tuple[int, int]] = []

    def add(self, first: int, place: int, step: int) -> None:
        """Note that from `first` on bytes stand at `place`, each `step` behind the one before."""
        self._firsts.append(first)
        self._stretches.append((place, step))

    def __getitem__(self, at: int) -> int:
        number = bisect_right(self._firsts, at) - 1
        place, step = self._stretches[number]
        return place + step * (at - self._firsts[number])


def _entity(found: re.Match[bytes]) -> bytes:
    if found[1]:
        return _character(int(found[1], 16), found[0])
    if found[2]:
        return _character(int(found[2]), found[0])
    return _NAMES[found[3]]


def _escape(found: re.Match[bytes]) -> bytes:
    digits = found[1] or found[2] or found[3]
    if digits:
        return _character(int(digits, 16), found[0])
    if found[4]:
        return bytes((int(found[4], 16),))
    if found[5]:
        return bytes((int(found[5], 8) & 0xFF,))
    if found[6]:
        return b""
    return bytes((_LETTERS.get(found[7][0], found[7][0]),))


def _character(code: int, otherwise: bytes) -> bytes:
    """Return a character as UTF-8; what is none stays as it was written."""
    if code > _HIGHEST:
        return otherwise
    return chr(code).encode("utf-8", "surrogatepass")
