"""Look into every object of a repository, reachable or not.

Processes tell which objects hold something; those are read through git once more and looked into
with all care. So no secret goes from one process to another, and few objects are looked at twice.
"""

import os
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from keyfuse_scanner import gitplaces
from keyfuse_scanner.examine import Examined, examine
from keyfuse_scanner.git import Repository
from keyfuse_scanner.gitplaces import Layout
from keyfuse_scanner.memory import Key, Memory, Walked, recall, remember, remember_pack
from keyfuse_scanner.model import Document, Unscanned
from keyfuse_scanner.objects import read_objects
from keyfuse_scanner.objectstore.model import Unread
from keyfuse_scanner.objectstore.packindex import open_index
from keyfuse_scanner.objectstore.standing import Standing, standing
from keyfuse_scanner.scanning import Scanning
from keyfuse_scanner.sources import history
from keyfuse_scanner.sources.missing import missing
from keyfuse_scanner.sources.revisions import summed_up
from keyfuse_scanner.sources.roots import Roots, roots
from keyfuse_scanner.stillthere import (
    found_before,
    is_nothing_new,
    known_tables,
    walked_before,
)

if TYPE_CHECKING:
    from keyfuse_scanner.objectstore.model import Scan
    from keyfuse_scanner.storereading import Shard


class Where(NamedTuple):
    """Where a repository is, from where its history is reached, and what stands in its store."""

    layout: Layout
    reached: Roots
    now: Standing


def examine_everything(
    scanning: Scanning, repository: Repository, shard: "Shard | None" = None
) -> Examined:
    """Return the hits in all objects and names of refs, and what could not be looked into.

    Args:
        scanning: How.
        repository: Where.
        shard: Which objects; what is no object, and what is missing, belongs to the first shard.
    """
    if shard is not None and shard.number:
        from keyfuse_scanner.storereading import look

        scan = look(scanning, repository, gitplaces.layout(repository), shard=shard)
        return _examine_again(scanning, repository, _looked(scan))
    where = _where(repository)
    key = None if shard else _key(scanning, where)
    memory = Memory() if key is None else recall(key)
    before = walked_before(memory, where.now)
    with missing(repository, where.reached, before) as answer:
        looked = _look_for_new(scanning, repository, where, memory, shard)
        walked, failure = answer()
    if key is not None and not looked.unread:
        _remember(key, where.now, looked, memory, None if failure else walked)
    examined = _examine_again(scanning, repository, looked, where.reached.names)
    unscanned = [
        *examined.unscanned,
        *(Unscanned(reason, object_id=object_id) for reason, object_id in walked.missing),
        *(Unscanned(str(each)) for each in (failure, where.reached.failure) if each),
        *history.cut_off(where.layout.shallow),
    ]
    return examined._replace(unscanned=unscanned)


def _where(repository: Repository) -> Where:
    with roots(repository) as reached:
        layout = gitplaces.layout(repository)
        now = standing(layout.objects, layout.borrowed)
        return Where(layout, reached(layout.common), now)


def _key(scanning: Scanning, where: Where) -> Key | None:
    if scanning.rules_key is None:
        return None
    store = os.fsencode(os.path.realpath(where.layout.objects))
    return store, scanning.rules_key, scanning.max_size, scanning.every


class _Looked(NamedTuple):
    """What looking for something gave: what `objectstore.Scan` says, with all that was known."""

    found: frozenset[bytes]
    unread: Sequence[Unread]
    objects: int
    size: int
    packs: frozenset[bytes]


def _look_for_new(
    scanning: Scanning,
    repository: Repository,
    where: Where,
    memory: Memory,
    shard: "Shard | None",
) -> _Looked:
    found = found_before(memory, where.now)
    if is_nothing_new(memory, where.now):
        return _Looked(found, (), memory.objects, memory.size, frozenset(where.now.packs))
    from keyfuse_scanner.storereading import look

    known = known_tables(memory, where.now)
    scan = look(scanning, repository, where.layout, shard=shard, packs=memory.packs, known=known)
    looked = _looked(scan)
    return looked._replace(
        found=looked.found | found,
        objects=looked.objects + memory.objects,
        size=looked.size + memory.size,
    )


def _looked(scan: "Scan[bool]") -> _Looked:
    found = frozenset(object_id for object_id, _ in scan.found)
    return _Looked(found, scan.unread, scan.objects, scan.size, scan.packs)


def _remember(
    key: Key, now: Standing, looked: _Looked, memory: Memory, walked: Walked | None
) -> None:
    packs = looked.packs & now.packs.keys()
    fresh = Memory(packs, now.loose, looked.found, looked.objects, looked.size, walked)
    if fresh == memory or not now.is_plain:
        return
    for checksum in packs - memory.packs:
        remember_pack(checksum, open_index(now.packs[checksum]).table())
    remember(key, fresh)


def _examine_again(
    scanning: Scanning, repository: Repository, looked: _Looked, names: Iterable[bytes] = ()
) -> Examined:
    """Look into what holds something, with all care."""
    found = sorted(object_id.hex() for object_id in looked.found)
    again = read_objects(repository, found, max_size=scanning.max_size)
    refs = (Document("ref-name", None, None, (name,)) for name in names)
    examined = examine(chain(again, refs), scanning.matcher, every=scanning.every)
    unread = (
        Unscanned(reason, object_id=object_id.hex() if object_id else None)
        for reason, object_id in looked.unread
    )
    unscanned = [*summed_up(unread, "objects could not be read"), *examined.unscanned]
    return Examined(examined.hits, unscanned, looked.objects, looked.size)
