"""UTF-16 in either byte order, with and without a byte order mark."""

from collections.abc import Iterator

from keyfuse_rules.decoding.runs import Run

_BEFORE, _BEHIND = 1_024, 16_384


def utf16(data: bytes, anchor: int, _phase: int) -> Iterator[Run]:
    """Decode what stands around the low byte of a character, in the likelier byte order first.

    Within ASCII text both orders look alike: there is a NUL between any two bytes. Text that fills
    an object begins at an even offset, so where its low bytes stand tells the order.
    """
    likely = anchor % 2
    yield _read(data, anchor, big_endian=likely)
    yield _read(data, anchor, big_endian=1 - likely)


def _read(data: bytes, anchor: int, *, big_endian: int) -> Run:
    """Decode around a low byte.

    Characters that are not ASCII become one byte each: no secret has any, and places stay simple.

    Args:
        data: The object.
        anchor: Where the low byte is.
        big_endian: 1 where the high byte precedes it, 0 where it follows.
    """
    low = anchor - max(0, min(anchor - big_endian, _BEFORE)) // 2 * 2
    if low < big_endian:
        low += 2  # half of that character would stand before the object
    lows = data[low : anchor + _BEHIND : 2]
    behind = data[low + 1 : low + 2 * len(lows) : 2]
    highs = (data[low - 1 : low] + behind if big_endian else behind).ljust(len(lows), b"\0")
    if highs.count(0) != len(highs):
        lows = bytes(0xFF if up else down for up, down in zip(highs, lows, strict=False))
    begin = low - big_endian
    # A last byte that is no character is nothing that was cut off.
    end = len(data) if anchor + _BEHIND >= len(data) else begin + 2 * len(lows)
    offsets = range(begin, begin + 2 * len(lows), 2)
    # The last character may lack its high byte: it ends with the object, and not behind it.
    return Run("utf-16", lows, max(0, begin), end, (*offsets, end))
