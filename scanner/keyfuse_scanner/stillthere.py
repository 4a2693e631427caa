"""What of a memory still holds for what stands in an object store now."""

from contextlib import suppress

from keyfuse_scanner.memory import Memory, Walked, recall_pack
from keyfuse_scanner.objectstore.idtable import Ids, IdTable, cover
from keyfuse_scanner.objectstore.model import NotUnderstood
from keyfuse_scanner.objectstore.packindex import open_index
from keyfuse_scanner.objectstore.standing import Standing


def is_nothing_new(memory: Memory, now: Standing) -> bool:
    """Tell whether all objects there are were looked into before, seen by the names of files."""
    return now.is_plain and now.packs.keys() <= memory.packs and now.loose <= memory.loose


def known_tables(memory: Memory, now: Standing) -> list[Ids]:
    """Return the ids that were looked into and may stand in other files by now."""
    gone = (recall_pack(checksum) for checksum in memory.packs - now.packs.keys())
    loose = IdTable(b"".join(sorted(memory.loose)))
    return [*(table for table in gone if table is not None), loose]


def walked_before(memory: Memory, now: Standing) -> Walked | None:
    """Return what was missing last time, if that says something about what is missing now."""
    walked = memory.walked
    if walked is None or not now.is_plain:
        return None
    if memory.packs == now.packs.keys() and memory.loose == now.loose:
        return walked
    # What was missing may have come since; and what was there must not be gone.
    return None if walked.missing or not _is_all_there(memory, now) else walked


def found_before(memory: Memory, now: Standing) -> frozenset[bytes]:
    """Return the objects that hold something and are still there."""
    if not memory.found or (memory.packs <= now.packs.keys() and memory.loose <= now.loose):
        return memory.found
    tables = _tables(now)
    return frozenset(each for each in memory.found if each in now.loose or _is_in(tables, each))


def _is_all_there(memory: Memory, now: Standing) -> bool:
    tables = _tables(now)
    for checksum in memory.packs - now.packs.keys():
        gone = recall_pack(checksum)
        if gone is None or not cover(tables, gone):
            return False
    return all(_is_in(tables, object_id) for object_id in memory.loose - now.loose)


def _tables(now: Standing) -> list[Ids]:
    tables: list[Ids] = []
    for index in now.packs.values():
        with suppress(NotUnderstood):  # git is asked what stands there, and it is looked into anew
            tables.append(open_index(index))
    return tables


def _is_in(tables: list[Ids], object_id: bytes) -> bool:
    return any(table.find(object_id) is not None for table in tables)
