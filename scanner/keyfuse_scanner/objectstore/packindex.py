"""Index files of packs, version 2 (gitformat-pack(5)): where each object begins."""

import mmap
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from pathlib import Path
from struct import iter_unpack, unpack_from
from sys import byteorder

from keyfuse_scanner.objectstore.files import map_file
from keyfuse_scanner.objectstore.idtable import ID, Ids
from keyfuse_scanner.objectstore.model import NotUnderstood

_FANOUT = 8
_IDS = _FANOUT + 256 * 4
_FAR = 1 << 31


class PackIndex:
    """The index of one pack; objects are numbered in the order of their ids."""

    def __init__(self, data: mmap.mmap) -> None:
        """Take an index file apart.

        Raises:
            NotUnderstood: another version or hash function, or damaged.
        """
        if len(data) < _IDS + 2 * ID or data[:_FANOUT] != b"\xfftOc\0\0\0\2":
            raise NotUnderstood("unknown version of index")
        self._data = data
        self.fanout = (0, *unpack_from(">256I", data, _FANOUT))
        self.count = self.fanout[-1]
        if any(one > next_ for one, next_ in zip(self.fanout, self.fanout[1:], strict=False)):
            raise NotUnderstood("index out of order")
        self._offsets = _IDS + (ID + 4) * self.count
        self._far = self._offsets + 4 * self.count
        # With a longer hash the file is longer than all objects having an eight-byte offset.
        spare = len(data) - 2 * ID - self._far
        if spare < 0 or spare % 8 or spare // 8 > self.count:
            raise NotUnderstood("size of index does not fit")
        self.pack_checksum = data[-2 * ID : -ID]

    def ids(self, first_byte: int) -> Iterator[bytes]:
        """Yield the ids that begin with a byte, in order."""
        low, high = self.fanout[first_byte : first_byte + 2]
        part = self._data[_IDS + ID * low : _IDS + ID * high]
        return (object_id for (object_id,) in iter_unpack(f"{ID}s", part))

    def object_id(self, number: int) -> bytes:
        """Return the id of an object by its number."""
        return self._data[_IDS + ID * number : _IDS + ID * (number + 1)]

    def table(self) -> bytes:
        """Return all ids in order, one behind the other."""
        return self._data[_IDS : _IDS + ID * self.count]

    def find(self, object_id: bytes) -> int | None:
        """Return the number of an object, None if it is not in the pack."""
        low, high = self.fanout[object_id[0] : object_id[0] + 2]
        number = bisect_left(range(high), object_id, low, high, key=self.object_id)
        return number if number < high and self.object_id(number) == object_id else None

    def offsets(self) -> "array[int]":
        """Return where each object begins in the pack, by number.

        Raises:
            NotUnderstood: a far offset is not in the file.
        """
        near = array("I", self._data[self._offsets : self._far])
        if byteorder == "little":
            near.byteswap()
        if not near or max(near) < _FAR:
            return near
        far = array("Q", self._data[self._far : -2 * ID])
        if byteorder == "little":
            far.byteswap()
        try:
            return array("Q", (far[at - _FAR] if at >= _FAR else at for at in near))
        except IndexError as error:
            raise NotUnderstood("far offset out of range") from error


def open_index(path: Path) -> PackIndex:
    """Map an index file.

    Raises:
        NotUnderstood: it cannot be opened or is not a version 2 index of SHA-1 ids.
    """
    return PackIndex(map_file(path))


def known_to(earlier: list[Ids], index: PackIndex) -> Iterator[int]:
    """Yield the numbers of objects in `index` that an earlier pack or table has too.

    One first byte at a time, so that only a 256th of the ids is in memory.
    """
    for byte in range(256):
        known: set[bytes] = set()
        for other in earlier:
            known.update(_common(index, other, byte))
        if known:
            ids = enumerate(index.ids(byte), index.fanout[byte])
            yield from (number for number, object_id in ids if object_id in known)


def _common(index: PackIndex, other: Ids, byte: int) -> Iterable[bytes]:
    """Return the ids with a first byte that are in both, in the way that suits their numbers."""
    asked, known = (table.fanout[byte + 1] - table.fanout[byte] for table in (index, other))
    if not (asked and known):
        return ()
    if known > asked * 16:
        return [each for each in index.ids(byte) if other.find(each) is not None]
    return set(index.ids(byte)).intersection(other.ids(byte))
