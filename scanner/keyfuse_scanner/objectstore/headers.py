"""Headers of pack entries (gitformat-pack(5)): type, size, and how far back the base of a delta is.

Headers are cut out a chunk at a time and read as columns, which is three times cheaper than walking
them byte by byte.
"""

import mmap
from array import array
from bisect import bisect_left
from itertools import count
from typing import NamedTuple

from keyfuse_scanner.objectstore.model import Damaged

Bytes = bytes | mmap.mmap

NONE = 0xFFFF_FFFF
UNKNOWN = 0
OFS_DELTA, REF_DELTA = 6, 7

_HEAD = 7
_MORE = 0x80  # this bit says that another byte follows
_LONGEST = 10  # bytes of a number of 64 bits
# 1 to 4 are objects, 6 and 7 deltas; 0 and 5 are not in use.
_TYPES = bytes((0, 1, 2, 3, 4, 0, 6, 7)[byte >> 4 & 7] for byte in range(256))


class Chunk(NamedTuple):
    """What some headers say, one item for each entry.

    Attributes:
        types: As in the header, but UNKNOWN if that is no type or there is no entry at the base.
        parents: Place of the base where a delta tells its distance, else NONE.
        lengths: Bytes of header where a delta tells the distance.
    """

    types: bytearray
    parents: "array[int]"
    lengths: bytearray


def read_chunk(data: Bytes, starts: "array[int]", low: int, high: int) -> Chunk:  # noqa: PLR0912 - the forms of a header, unrolled
    """Return what the headers of the places from `low` to `high` say.

    Long and flat: this runs once for every entry.
    """
    more, ofs_delta = _MORE, OFS_DELTA << 4
    chunk = starts[low:high]
    heads = b"".join([data[start : start + _HEAD] for start in chunk])
    columns = [heads[column::_HEAD] for column in range(_HEAD)]
    types = bytearray(columns[0].translate(_TYPES))
    parents = array("I", [NONE]) * len(chunk)
    lengths = bytearray(len(chunk))
    near = dict(zip(chunk, range(low, high), strict=True))
    for place, start, head, a, b, c, d, e, f in zip(count(), chunk, *columns):
        if head & 0x70 != ofs_delta:
            continue
        # The size: four bits in the head and seven in each byte that follows; up to 256 KiB here.
        if head < more:
            used = 1
            w, x, y, z = a, b, c, d
        elif a < more:
            used = 2
            w, x, y, z = b, c, d, e
        elif b < more:
            used = 3
            w, x, y, z = c, d, e, f
        else:
            used, distance = _long_header(data, start)
            w = -1
        # The distance to the base: seven bits a byte, and one added for each byte that follows.
        if w < 0:
            base = start - distance
        elif w < more:
            used += 1
            base = start - w
        elif x < more:
            used += 2
            base = start - ((w - 127 << 7) + x)
        elif y < more:
            used += 3
            base = start - (((w - 127 << 7) + x - 127 << 7) + y)
        elif z < more:
            used += 4
            base = start - ((((w - 127 << 7) + x - 127 << 7) + y - 127 << 7) + z)
        else:
            used, distance = _long_header(data, start)
            base = start - distance
        parent = near.get(base)
        if parent is None:
            parent = bisect_left(starts, base, 0, low)
            if starts[parent] != base:
                types[place] = UNKNOWN
                continue
        parents[place] = parent
        lengths[place] = used
    return Chunk(types, parents, lengths)


def _long_header(data: Bytes, start: int) -> tuple[int, int]:
    """Return the length of an OFS_DELTA header of any length and the distance to the base."""
    position = after_size(data, start)
    distance = -1
    for used, byte in enumerate(data[position : position + _LONGEST], position + 1 - start):
        distance = (distance + 1 << 7) | byte & 0x7F
        if byte < _MORE:
            return used, distance
    return 0, 0  # itself: no base


def after_size(data: Bytes, start: int) -> int:
    """Return where the size field of a header ends; where it begins, if it never ends."""
    for position, byte in enumerate(data[start : start + _LONGEST], start + 1):
        if byte < _MORE:
            return position
    return start


def read_size(data: Bytes, start: int) -> tuple[int, int]:
    """Return the inflated size an entry announces, and where its header's size field ends.

    Raises:
        Damaged: the size is longer than any size can be.
    """
    size = data[start] & 0x0F
    shift = 4
    for position, byte in enumerate(data[start : start + _LONGEST], start + 1):
        if position > start + 1:
            size |= (byte & 0x7F) << shift
            shift += 7
        if byte < _MORE:
            return size, position
    raise Damaged("size of an entry out of range")
