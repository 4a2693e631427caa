"""What is in an object store at a glance, to be compared with what was looked into before."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from keyfuse_scanner.objectstore.directories import object_directories
from keyfuse_scanner.objectstore.listing import list_loose, list_packs

_TRAILER = 20


class Standing(NamedTuple):
    """What stands in an object store.

    Attributes:
        packs: The index of each pack by the pack's checksum.
        loose: Ids of the loose objects.
        is_plain: False where something is not as this reader knows it; git has to be asked.
    """

    packs: dict[bytes, Path]
    loose: frozenset[bytes]
    is_plain: bool


def standing(directory: Path, borrowed: Iterable[Path] = ()) -> Standing:
    """Return what stands in object directories and their alternates."""
    directories, unread = object_directories(directory, borrowed)
    odd: list[str] = []
    indexes = [each / "pack" / name for each in directories for name in list_packs(each, odd)]
    packs = {_checksum(index): index for index in indexes}
    loose = frozenset(object_id for each in directories for object_id, _ in list_loose(each, odd))
    return Standing(packs, loose, is_plain=not (odd or unread or b"" in packs))


def _checksum(index: Path) -> bytes:
    """Return the checksum of the pack that an index belongs to (gitformat-pack(5)), or nothing."""
    try:
        with index.open("rb", buffering=0) as file:
            file.seek(-2 * _TRAILER, os.SEEK_END)
            return file.read(_TRAILER) or b""
    except OSError:
        return b""
