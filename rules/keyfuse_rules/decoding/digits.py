r"""Base64, base64url and hexadecimal: runs of digits from which no reader sees the text.

A run may be wrapped into lines. Its digits come in groups; which digit begins a group is known
from the hit, so that text glued to the front of a run (`\n` in a JSON string) does no harm.
"""

import binascii
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from keyfuse_rules.decoding.runs import Run

# Longer runs are read in stretches of this length, and as much before and a bit more behind.
_STRETCH, _BEHIND = 262_144, 65_536
# Most runs are shorter than that; few lines are as long as these.
_NEAR = 4_096
_LONGEST_LINE = 1_024
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
_BETWEEN = b" \t\r\n"
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


class _Digits(NamedTuple):
    """A run without its line breaks.

    Attributes:
        before: How many digits precede the one that was asked for.
    """

    text: bytes
    start: int
    end: int
    before: int


class DigitReader:
    """Reads runs around hits in one object; it remembers the last run, as hits come in crowds."""

    def __init__(
        self,
        step: str,
        alphabets: Sequence[_Alphabet],
        group: int,
        decode: Callable[[bytes], bytes],
    ) -> None:
        self._step = step
        self._alphabets = alphabets
        self._group = group
        self._decode = decode
        self._place = (0, 0)
        self._limits = (0, 0)
        self._is_wrapped = False
        self._read: set[int] = set()

    def __call__(self, data: bytes, anchor: int, phase: int) -> Iterator[Run]:
        """Yield the ways to read the run that a hit ends in.

        What was read from the same digit on for the hit before is not read again.

        Args:
            data: The object, always the same.
            anchor: Where the last digit of the hit is.
            phase: How many digits of its group are behind the hit's end.
        """
        known = self._is_known(data, anchor, phase)
        if known and not self._is_wrapped:
            return
        places = {self._place} if known else set()
        for alphabet in self._alphabets:
            if data[anchor] not in alphabet.digits:
                continue
            line = _unwrapped(data, anchor, alphabet)
            readings = [line]
            if not known:
                whole = _wrapped(data, anchor, line, alphabet)
                readings = [whole, line]
                if alphabet is self._alphabets[0]:
                    self._remember(whole, anchor, phase)
            for digits in readings:
                if (digits.start, digits.end) not in places:
                    places.add((digits.start, digits.end))
                    yield self._run(digits, phase)

    def _run(self, digits: _Digits, phase: int) -> Run:
        skipped = min(self._skipped(digits.before, phase), len(digits.text))
        decoded = self._decode(digits.text[skipped:])
        return Run(self._step, decoded, digits.start + skipped, digits.end)

    def _skipped(self, before: int, phase: int) -> int:
        """Return how many digits precede the first whole group."""
        return (before + 1 - phase) % self._group

    def _remember(self, digits: _Digits, anchor: int, phase: int) -> None:
        place = (digits.start, digits.end)
        if place != self._place:
            self._place, self._limits, self._read = place, _limits(anchor), set()
            self._is_wrapped = len(digits.text) != digits.end - digits.start
        self._read.add(self._skipped(digits.before, phase))

    def _is_known(self, data: bytes, anchor: int, phase: int) -> bool:
        start, end = self._place
        if not start <= anchor < end or _limits(anchor) != self._limits:
            return False
        before = anchor - start
        if self._is_wrapped:
            before = len(data[start:anchor].translate(None, _BETWEEN))
        return self._skipped(before, phase) in self._read


def base64_reader() -> DigitReader:
    """Return what decodes base64 in lines or without, in either alphabet (RFC 4648)."""
    return DigitReader("base64", (_STANDARD, _URL), 4, _decode_base64)


def hexadecimal_reader() -> DigitReader:
    """Return what decodes hexadecimal digits, with or without line breaks."""
    return DigitReader("hex", (_HEXADECIMAL,), 2, _decode_hexadecimal)


def _limits(anchor: int) -> tuple[int, int]:
    """Return between which offsets the run around a digit is read."""
    begin = anchor // _STRETCH * _STRETCH
    return max(0, begin - _STRETCH), begin + _STRETCH + _BEHIND


def _unwrapped(data: bytes, anchor: int, alphabet: _Alphabet) -> _Digits:
    low, high = _limits(anchor)
    near = max(low, anchor - _NEAR)
    count = _digits_before(data, near, anchor, alphabet)
    if count == anchor - near:
        count = _digits_before(data, low, anchor, alphabet)
    found = alphabet.end.match(data, anchor, high)
    end = found.end() if found else anchor + 1
    return _Digits(data[anchor - count : end], anchor - count, end, count)


def _digits_before(data: bytes, begin: int, end: int, alphabet: _Alphabet) -> int:
    before = data[begin:end]
    return len(before) - len(before.rstrip(alphabet.digits))


def _wrapped(data: bytes, anchor: int, line: _Digits, alphabet: _Alphabet) -> _Digits:
    low, high = _limits(anchor)
    earlier, start = _earlier_lines(data, line.start, low, alphabet)
    later, end = _later_lines(data, line, high, alphabet)
    before = sum(map(len, earlier)) + line.before
    return _Digits(b"".join((*earlier, line.text, *later)), start, end, before)


def _earlier_lines(
    data: bytes, start: int, limit: int, alphabet: _Alphabet
) -> tuple[list[bytes], int]:
    """Return the lines of digits above the one that begins at `start`, and where they begin."""
    near = max(limit, start - _NEAR)
    lines, begin = _lines_before(data, near, start, alphabet)
    # A run that may go on beyond what was looked at is read again, from as far as it may reach.
    if begin - near < _LONGEST_LINE and near > limit:
        lines, begin = _lines_before(data, limit, start, alphabet)
    return lines, begin


def _lines_before(
    data: bytes, limit: int, start: int, alphabet: _Alphabet
) -> tuple[list[bytes], int]:
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
    text = text.translate(_TO_STANDARD)
    rest = len(text) % 4
    if rest == 1:  # six bits are no byte
        text = text[:-1]
    return binascii.a2b_base64(text + b"==" if rest > 1 else text)


def _decode_hexadecimal(text: bytes) -> bytes:
    return bytes.fromhex(text[: len(text) // 2 * 2].decode("ascii"))
