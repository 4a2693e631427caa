"""A pack and its index, opened and checked against each other."""

import mmap
from collections.abc import Iterable
from pathlib import Path

from keyfuse_scanner.objectstore.files import map_file
from keyfuse_scanner.objectstore.idtable import ID
from keyfuse_scanner.objectstore.model import NotUnderstood
from keyfuse_scanner.objectstore.packindex import PackIndex, open_index

HEADER = 12
TRAILER = ID
_VERSIONS = (2, 3)


class Pack:
    """One pack: `data` is the whole file, `view` the same to cut slices from without copying."""

    def __init__(self, data: mmap.mmap, index: PackIndex) -> None:
        """Check that the two files belong together.

        Raises:
            NotUnderstood: they do not, or the pack is of another version.
        """
        words = [int.from_bytes(data[at : at + 4], "big") for at in (4, 8)]
        if data[:4] != b"PACK" or words[0] not in _VERSIONS:
            raise NotUnderstood("unknown version of pack")
        if words[1] != index.count or data[-TRAILER:] != index.pack_checksum:
            raise NotUnderstood("index of another pack")
        self.data = data
        self.view = memoryview(data)
        self.index = index
        self.end = len(data) - TRAILER
        self.checksum = index.pack_checksum

    def object_ids(self, offsets: Iterable[int]) -> dict[int, bytes]:
        """Return the ids of the objects that begin at these offsets."""
        wanted = frozenset(offsets)
        if not wanted:
            return {}
        numbered = enumerate(self.index.offsets())
        return {at: self.index.object_id(number) for number, at in numbered if at in wanted}


def open_pack(index_path: Path) -> Pack:
    """Open the pack that belongs to an index file.

    Raises:
        NotUnderstood: git has to read it.
    """
    return Pack(map_file(index_path.with_suffix(".pack")), open_index(index_path))
