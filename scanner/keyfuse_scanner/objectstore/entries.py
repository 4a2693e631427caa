"""What each entry of a pack is: its type and its base, from the headers alone.

Entries are numbered by their place in the pack. Everything is in arrays, about fourteen bytes an
entry, so that a million objects stay small.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice
from operator import sub
from typing import NamedTuple

from keyfuse_scanner.objectstore.forking import fork_map
from keyfuse_scanner.objectstore.headers import NONE, REF_DELTA, UNKNOWN, after_size, read_chunk
from keyfuse_scanner.objectstore.idtable import ID
from keyfuse_scanner.objectstore.model import NotUnderstood
from keyfuse_scanner.objectstore.pack import HEADER, Pack

CIRCLE = 5  # not in use by git

_CHUNK = 1 << 15
_SMALLEST = 9  # a header byte and an empty zlib stream
_ONE_DIGIT = 1 << 30  # CPython compares smaller integers in one step
_NEAR_LIMIT = 1 << 32


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


def read_entries(pack: Pack, jobs: int = 1) -> Entries:
    """Return what the headers of a pack say.

    Args:
        pack: The pack.
        jobs: How many processes may share the reading.

    Raises:
        NotUnderstood: the offsets of the index cannot be right.
    """
    starts = _sorted_starts(pack)
    size = len(starts) - 1
    entries = Entries(starts, bytearray(), array("I"), bytearray())
    for chunk in fork_map(
        lambda low: read_chunk(pack.data, starts, low, min(low + _CHUNK, size)),
        range(0, size, _CHUNK),
        jobs,
    ):
        entries.kinds.extend(chunk.types)
        entries.parents.extend(chunk.parents)
        entries.lengths.extend(chunk.lengths)
    _settle_types(entries)
    if REF_DELTA in entries.kinds:
        _resolve_references(pack, entries)
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


def _settle_types(entries: Entries) -> None:
    """Give each delta the type of its base, which stands before it where it is told by distance."""
    _, kinds, parents, _ = entries
    for place, parent in enumerate(parents):
        if parent != NONE:
            kinds[place] = UNKNOWN if parent == place else kinds[parent]


def _resolve_references(pack: Pack, entries: Entries) -> None:
    """Find the bases that are named by id, and the types of all that hangs on them."""
    starts, kinds, parents, lengths = entries
    undecided = [place for place, kind in enumerate(kinds) if kind == REF_DELTA]
    offsets = pack.index.offsets()
    for place in undecided:
        if parents[place] != NONE:
            continue  # by distance, on a base that is by id
        after = after_size(pack.data, starts[place])
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
    while entries.kinds[place] == REF_DELTA and place not in seen:
        seen.add(place)
        yield place
        place = entries.parents[place]
