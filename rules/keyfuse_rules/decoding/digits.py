r"""Base64, base64url and hexadecimal: runs of digits from which no reader sees the text.

A run may be wrapped into lines. Its digits come in groups; which digit begins a group is known
from the hit, so that text glued to the front of a run (`\n` in a JSON string) does no harm.
"""

import binascii
import re
from collections.abc import Iterator
from typing import NamedTuple

from keyfuse_rules.decoding.runs import Run

# A run is looked at that far on either side of a hit.
_REACH = 262_144
# Text is wrapped at 60, 64 or 76 digits; a line of fewer than this many may be a word.
_LINE_MIN = 20


class _Alphabet(NamedTuple):
    """The digits of an encoding.

    Attributes:
        digits: All of them.
        end: Matches digits forward.
        line: Matches, backward, a line of nothing but digits and its line break.
        more: Matches, forward, a line break and digits.
    """

    digits: bytes
    end: re.Pattern[bytes]
    line: re.Pattern[bytes]
    more: re.Pattern[bytes]


def _alphabet(letters: bytes) -> _Alphabet:
    digit = b"[" + letters + b"]"
    least = str(_LINE_MIN).encode()
    return _Alphabet(
        digits=bytes(byte for byte in range(128) if re.match(digit, bytes((byte,)))),
        end=re.compile(digit + b"+"),
        line=re.compile(rb"[ \t]{0,16}\n\r?(" + digit + b"{" + least + rb",}+)(?![0-9A-Za-z])"),
        more=re.compile(rb"\r?\n[ \t]{0,16}(" + digit + b"+)"),
    )


_STANDARD = _alphabet(rb"0-9A-Za-z+/")
_URL = _alphabet(rb"0-9A-Za-z_-")
_HEXADECIMAL = _alphabet(rb"0-9A-Fa-f")
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


def base64(data: bytes, anchor: int, phase: int) -> Iterator[Run]:
    """Decode the base64 run around a digit, in lines or without, in either alphabet (RFC 4648)."""
    for alphabet in (_STANDARD, _URL):
        for digits in _readings(data, anchor, alphabet):
            skipped = min((digits.before + 1 - phase) % 4, len(digits.text))
            text = digits.text[skipped:].translate(_TO_STANDARD)
            yield Run("base64", _decode_base64(text), digits.start + skipped, digits.end)


def hexadecimal(data: bytes, anchor: int, _phase: int) -> Iterator[Run]:
    """Decode the run of hexadecimal digits that a hit ends in, with or without line breaks."""
    for digits in _readings(data, anchor, _HEXADECIMAL):
        skipped = (digits.before + 1) % 2
        text = digits.text[skipped:]
        decoded = bytes.fromhex(text[: len(text) // 2 * 2].decode("ascii"))
        yield Run("hex", decoded, digits.start + skipped, digits.end)


class _Digits(NamedTuple):
    """A run without its line breaks.

    Attributes:
        before: How many digits precede the one that was asked for.
    """

    text: bytes
    start: int
    end: int
    before: int


def _readings(data: bytes, anchor: int, alphabet: _Alphabet) -> Iterator[_Digits]:
    """Yield the run over all its lines and, where that is more, the part on one line."""
    if data[anchor] not in alphabet.digits:
        return
    whole = _wrapped(data, anchor, alphabet)
    line = _unwrapped(data, anchor, alphabet)
    yield whole
    if whole.text != line.text:
        yield line


def _unwrapped(data: bytes, anchor: int, alphabet: _Alphabet) -> _Digits:
    begin = max(0, anchor - _REACH)
    before = data[begin:anchor]
    count = len(before) - len(before.rstrip(alphabet.digits))
    found = alphabet.end.match(data, anchor, min(len(data), anchor + _REACH))
    end = found.end() if found else anchor + 1
    return _Digits(data[anchor - count : end], anchor - count, end, count)


def _wrapped(data: bytes, anchor: int, alphabet: _Alphabet) -> _Digits:
    line = _unwrapped(data, anchor, alphabet)
    earlier, start = _earlier_lines(data, line.start, max(0, anchor - _REACH), alphabet)
    later, end = _later_lines(data, line, anchor + _REACH, alphabet)
    before = sum(map(len, earlier)) + line.before
    return _Digits(b"".join((*earlier, line.text, *later)), start, end, before)


def _earlier_lines(
    data: bytes, start: int, limit: int, alphabet: _Alphabet
) -> tuple[list[bytes], int]:
    """Return the lines of digits above the one that begins at `start`, and where they begin."""
    reverse = data[limit:start][::-1]
    lines: list[bytes] = []
    position = 0
    while found := alphabet.line.match(reverse, position):
        lines.append(found[1][::-1])
        position = found.end()
    return lines[::-1], start - position


def _later_lines(
    data: bytes, line: _Digits, limit: int, alphabet: _Alphabet
) -> tuple[list[bytes], int]:
    """Return the digits on the lines below, the last of which may be shorter."""
    lines: list[bytes] = []
    length, end = len(line.text), line.end
    while length >= _LINE_MIN and (found := alphabet.more.match(data, end, limit)):
        lines.append(found[1])
        length, end = len(found[1]), found.end()
    return lines, end


def _decode_base64(text: bytes) -> bytes:
    rest = len(text) % 4
    if rest == 1:  # six bits are no byte
        text = text[:-1]
    return binascii.a2b_base64(text + b"==" if rest > 1 else text)
