"""What each entry of a pack is: its type and its base, from the headers alone.

Entries are numbered by their place in the pack. Everything is in arrays, about fourteen bytes an
entry, so that a million objects stay small; headers are cut out a chunk at a time and read as
columns, which is three times cheaper than walking them byte by byte.
"""

import mmap
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from itertools import count, islice
from operator import sub
from typing import NamedTuple

from keyfuse_scanner.objectstore.model import Damaged, NotUnderstood
from keyfuse_scanner.objectstore.pack import HEADER, Pack
from keyfuse_scanner.objectstore.packindex import ID

Bytes = bytes | mmap.mmap

NONE = 0xFFFF_FFFF
UNKNOWN = 0
CIRCLE = 5  # not in use by git
_OFS_DELTA, _REF_DELTA = 6, 7
_MORE = 0x80  # this bit says that another byte follows

_CHUNK = 1 << 16
_HEAD = 7
_SMALLEST = 9  # a header byte and an empty zlib stream
_ONE_DIGIT = 1 << 30  # CPython compares smaller integers in one step
_NEAR_LIMIT = 1 << 32
_LONGEST = 10  # bytes of a number of 64 bits
# 1 to 4 are objects, 6 and 7 deltas; 0 and 5 are not in use.
_TYPES = bytes((0, 1, 2, 3, 4, 0, 6, 7)[byte >> 4 & 7] for byte in range(256))


class Entries(NamedTuple):
    """The entries of a pack by place.

    Attributes:
        starts: Where each begins, and as the last item where the last one ends.
        kinds: Type of the object, for a delta that of the object it ends up as; UNKNOWN where the
            header is damaged or the base is not in the pack, CIRCLE where deltas never end at one.
        parents: Place of the base of a delta, else NONE.
        lengths: Bytes of header in front of the compressed data of a delta.
    """

    starts: "array[int]"
    kinds: bytearray
    parents: "array[int]"
    lengths: bytearray


def read_entries(pack: Pack) -> Entries:
    """Return what the headers of a pack say.

    Raises:
        NotUnderstood: the offsets of the index cannot be right.
    """
    starts = _sorted_starts(pack)
    size = len(starts) - 1
    entries = Entries(starts, bytearray(size), array("I", [NONE]) * size, bytearray(size))
    for low in range(0, size, _CHUNK):
        _read_chunk(pack, entries, low, min(low + _CHUNK, size))
    if _REF_DELTA in entries.kinds:
        _resolve_references(pack, entries)
    # What is a delta still has itself as base.
    entries.kinds[:] = entries.kinds.replace(bytes((_OFS_DELTA,)), bytes((UNKNOWN,)))
    return entries


def _sorted_starts(pack: Pack) -> "array[int]":
    offsets = pack.index.offsets()
    if pack.end < _ONE_DIGIT:
        starts = array("I", sorted(offsets))
    else:
        # Floats sort three times faster than integers of this size, and hold any offset exactly.
        code = "I" if pack.end < _NEAR_LIMIT else "Q"
        starts = array(code, map(int, sorted(map(float, offsets))))
    starts.append(pack.end)
    smallest = min(map(sub, islice(starts, 1, None), starts), default=_SMALLEST)
    if starts[0] < HEADER or smallest < _SMALLEST:
        raise NotUnderstood("offsets of the index cannot be right")
    return starts


def _read_chunk(pack: Pack, entries: Entries, low: int, high: int) -> None:  # noqa: PLR0912 - the forms of a header, unrolled
    """Fill in the places from `low` to `high`. Long and flat: this runs once for every entry."""
    starts, kinds, parents, lengths = entries
    data, more, ofs_delta = pack.data, _MORE, _OFS_DELTA << 4
    chunk = starts[low:high]
    heads = b"".join([data[start : start + _HEAD] for start in chunk])
    columns = [heads[column::_HEAD] for column in range(_HEAD)]
    kinds[low:high] = columns[0].translate(_TYPES)
    near = dict(zip(chunk, range(low, high), strict=True))
    for place, start, head, a, b, c, d, e, f in zip(count(low), chunk, *columns):
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
            parent = bisect_left(starts, base, 0, place)
            if starts[parent] != base or parent == place:
                kinds[place] = UNKNOWN
                continue
        kinds[place] = kinds[parent]
        parents[place] = parent
        lengths[place] = used


def _long_header(data: Bytes, start: int) -> tuple[int, int]:
    """Return the length of an OFS_DELTA header of any length and the distance to the base."""
    position = _after_size(data, start)
    distance = -1
    for used, byte in enumerate(data[position : position + _LONGEST], position + 1 - start):
        distance = (distance + 1 << 7) | byte & 0x7F
        if byte < _MORE:
            return used, distance
    return 0, 0  # itself: no base


def _after_size(data: Bytes, start: int) -> int:
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


def _resolve_references(pack: Pack, entries: Entries) -> None:
    """Find the bases that are named by id, and the types of all that hangs on them."""
    starts, kinds, parents, lengths = entries
    undecided = [place for place, kind in enumerate(kinds) if kind == _REF_DELTA]
    offsets = pack.index.offsets()
    for place in undecided:
        if parents[place] != NONE:
            continue  # by distance, on a base that is by id
        after = _after_size(pack.data, starts[place])
        number = pack.index.find(pack.data[after : after + ID])
        if number is None:
            kinds[place] = UNKNOWN
        else:
            parents[place] = bisect_left(starts, offsets[number])
            lengths[place] = after + ID - starts[place]
    for place in undecided:
        _decide(entries, place)


def _decide(entries: Entries, place: int) -> None:
    path = list(_undecided_ancestors(entries, place))
    for step in path:
        entries.kinds[step] = CIRCLE  # should the path lead back into itself
    if path:
        kind = entries.kinds[entries.parents[path[-1]]]
        for step in path:
            entries.kinds[step] = kind


def _undecided_ancestors(entries: Entries, place: int) -> Iterator[int]:
    seen = set()
    while entries.kinds[place] == _REF_DELTA and place not in seen:
        seen.add(place)
        yield place
        place = entries.parents[place]
