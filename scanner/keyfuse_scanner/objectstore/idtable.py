"""A sorted table of object ids that was kept, to be asked like the index of a pack."""

from bisect import bisect_left
from collections.abc import Iterator
from struct import iter_unpack
from typing import Protocol

ID = 20


class Ids(Protocol):
    """Ids in order: of a pack, or kept from one."""

    def ids(self, first_byte: int, /) -> Iterator[bytes]:
        """Yield the ids that begin with a byte, in order."""

    def find(self, object_id: bytes, /) -> int | None:
        """Return the number of an id, None if it is not there."""

    def table(self) -> bytes:
        """Return all ids, one behind the other."""

    @property
    def fanout(self) -> tuple[int, ...]:
        """For each first byte how many ids come before it, and at last how many there are."""


class IdTable:
    """Ids that are in order, one behind the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        count = len(data) // ID
        starts = (
            bisect_left(range(count), byte, key=lambda number: data[ID * number])
            for byte in range(256)
        )
        self.fanout = (*starts, count)

    def ids(self, first_byte: int) -> Iterator[bytes]:
        """Yield the ids that begin with a byte, in order."""
        low, high = self.fanout[first_byte : first_byte + 2]
        part = memoryview(self._data)[ID * low : ID * high]
        return (object_id for (object_id,) in iter_unpack(f"{ID}s", part))

    def find(self, object_id: bytes) -> int | None:
        """Return the number of an id, None if it is not there."""
        low, high = self.fanout[object_id[0] : object_id[0] + 2]
        number = bisect_left(range(high), object_id, low, high, key=self._object_id)
        return number if number < high and self._object_id(number) == object_id else None

    def table(self) -> bytes:
        """Return all ids, one behind the other."""
        return self._data

    def _object_id(self, number: int) -> bytes:
        return self._data[ID * number : ID * (number + 1)]


def cover(tables: list[Ids], wanted: Ids) -> bool:
    """Tell whether each id of one table stands in one of the others."""
    if any(table.table() == wanted.table() for table in tables):
        return True
    if not tables:
        return False
    for byte in range(256):
        known: set[bytes] = set()
        known.update(*(table.ids(byte) for table in tables))
        if not known.issuperset(wanted.ids(byte)):
            return False
    return True
