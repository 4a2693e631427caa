"""How a piece of text looks when it is encoded: as a sequence of sets of bytes. Pure.

A pattern has one set for each byte of the encoded form. Sets hold more than one byte where the
encoding leaves a choice (upper or lower case, two base64 alphabets) or where a character of the
form also depends on bytes beside the text (the first and last character of base64).
"""

from functools import cache
from typing import NamedTuple

Pattern = tuple[frozenset[int], ...]

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
# The alphabets of RFC 4648, sections 4 and 5, differ in the last two characters.
_SEXTETS = [frozenset((byte,)) for byte in _BASE64[:62]] + [frozenset(b"+-"), frozenset(b"/_")]
_ANY = frozenset(range(256))
_NUL = frozenset((0,))
_ALPHANUMERIC = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


class Aligned(NamedTuple):
    """A base64 form.

    Attributes:
        phase: How many of the four characters of a group are behind its end: 0 where a group ends.
    """

    pattern: Pattern
    phase: int


def plain(text: bytes) -> Pattern:
    """Return the text itself."""
    return tuple(frozenset((byte,)) for byte in text)


def any_case(text: bytes) -> Pattern:
    """Return the text in upper and lower case."""
    return tuple(
        frozenset(text[i : i + 1].lower() + text[i : i + 1].upper()) for i in range(len(text))
    )


def utf16(pattern: Pattern) -> Pattern:
    """Return what both byte orders of UTF-16 have in common: a NUL between any two characters."""
    return tuple(part for byte in pattern for part in (byte, _NUL))[:-1]


def base64(pattern: Pattern) -> list[Aligned]:
    """Return the three forms that a text takes, as 0, 1 or 2 bytes of its group precede it."""
    return [
        Aligned(
            tuple(
                _sextet(pattern, lead, index)
                for index in range(8 * lead // 6, _ends(pattern, lead))
            ),
            _ends(pattern, lead) % 4,
        )
        for lead in range(3)
    ]


def _ends(pattern: Pattern, lead: int) -> int:
    """Return the index of the first base64 character that owes no bit to the text."""
    return (8 * (lead + len(pattern)) + 5) // 6


def _sextet(pattern: Pattern, lead: int, index: int) -> frozenset[int]:
    """Return what the base64 character at `index` may be; its six bits lie in one or two bytes."""
    first, last = 6 * index // 8, (6 * index + 5) // 8
    shift = 8 * (last + 1) - 6 * (index + 1)
    lows = _byte(pattern, last - lead) if last > first else None
    return _characters(_byte(pattern, first - lead), lows, shift)


@cache
def _characters(highs: frozenset[int], lows: frozenset[int] | None, shift: int) -> frozenset[int]:
    values = (
        {high >> shift & 63 for high in highs}
        if lows is None
        else {(high << 8 | low) >> shift & 63 for high in highs for low in lows}
    )
    return frozenset().union(*(_SEXTETS[value] for value in values))


def _byte(pattern: Pattern, index: int) -> frozenset[int]:
    return pattern[index] if 0 <= index < len(pattern) else _ANY


def trimmed(pattern: Pattern, widest: int) -> tuple[Pattern, int]:
    """Return the pattern without the sets at its ends that hold more than `widest` bytes.

    Returns:
        The pattern and how many sets were cut off at its end.
    """
    begin, end = 0, len(pattern)
    while begin < end and len(pattern[begin]) > widest:
        begin += 1
    while end > begin and len(pattern[end - 1]) > widest:
        end -= 1
    return pattern[begin:end], len(pattern) - end


def numbered(pattern: Pattern, spec: str, before: bytes = b"", after: bytes = b"") -> Pattern:
    """Return each byte as a number of fixed width between two fixed texts.

    Args:
        pattern: What is encoded.
        spec: Format of the number: `02x` for hexadecimal, `03o` for octal.
        before: What stands before each number, such as `%`.
        after: What stands behind it.
    """
    return tuple(
        part for byte in pattern for part in (*plain(before), *_digits(byte, spec), *plain(after))
    )


def entities(pattern: Pattern) -> Pattern:
    """Return each byte as a hexadecimal character reference of HTML."""
    return tuple(
        part
        for byte in pattern
        for part in (*any_case(b"&#x"), *_digits(byte, "02x"), *plain(b";"))
    )


def decimal(text: bytes, before: bytes, after: bytes) -> Pattern:
    """Return each byte as a decimal number between two fixed texts."""
    return plain(b"".join(before + str(byte).encode() + after for byte in text))


def specials_numbered(text: bytes, spec: str, before: bytes = b"", after: bytes = b"") -> Pattern:
    """Return the text with only what is neither letter nor digit written as a number."""
    parts: list[frozenset[int]] = []
    for byte in text:
        if byte in _ALPHANUMERIC:
            parts.append(frozenset((byte,)))
        else:
            parts += numbered((frozenset((byte,)),), spec, before, after)
    return tuple(parts)


def _digits(byte: frozenset[int], spec: str) -> list[frozenset[int]]:
    """Return the digits of a number in either case; of several numbers what each digit may be."""
    texts = [format(value, spec).encode() for value in byte]
    digits = zip(*(text.lower() for text in texts), strict=True)
    return [frozenset(bytes(digit) + bytes(digit).upper()) for digit in digits]
