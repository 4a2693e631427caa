"""What is to be read in an object store, in units that any process can take."""

from array import array
from bisect import bisect_left
from collections.abc import Container, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from keyfuse_scanner.objectstore.directories import object_directories
from keyfuse_scanner.objectstore.entries import Entries, read_entries
from keyfuse_scanner.objectstore.forest import PER_OBJECT, grow
from keyfuse_scanner.objectstore.idtable import Ids, cover
from keyfuse_scanner.objectstore.listing import list_loose, list_packs
from keyfuse_scanner.objectstore.model import NotRegular, NotUnderstood, Unread
from keyfuse_scanner.objectstore.pack import Pack, open_pack
from keyfuse_scanner.objectstore.packindex import known_to
from keyfuse_scanner.objectstore.trees import Grown

LOOSE = -1
_LOOSE_WEIGHT = 4096
_LOOSE_UNIT = 256
_SMALLEST_UNIT = 1 << 20
# Progress is told after each unit: in seconds, however large the repository is.
_LARGEST_UNIT = 64 << 20
_UNITS_PER_JOB = 16


class Work(NamedTuple):
    """A unit of work.

    Attributes:
        pack: Number of the pack, or LOOSE.
        starts: Places in the pack, or numbers of loose objects.
        weight: Cost in packed bytes.
    """

    pack: int
    starts: "array[int]"
    weight: int


class Plan(NamedTuple):
    """All that is to be read.

    Attributes:
        known: Packs that are left out.
        odd: Why git has to be asked for objects whose ids are not known; empty if it has not.
        unread: What cannot be followed at all.
    """

    known: list[Pack]
    packs: list[Grown]
    loose: list[tuple[bytes, Path]]
    work: list[Work]
    odd: list[str]
    unread: list[Unread]

    @property
    def signature(self) -> tuple[object, ...]:
        """Equal for two processes that found the same store."""
        checksums = tuple(grown.pack.checksum for grown in self.packs)
        return checksums, len(self.loose), tuple((work.pack, work.weight) for work in self.work)

    @property
    def all_packs(self) -> list[Pack]:
        """The packs that are understood, also those left out."""
        return [*self.known, *(each.pack for each in self.packs)]

    @property
    def weight(self) -> int:
        """Cost of all of it, in packed bytes."""
        return sum(work.weight for work in self.work)

    def skipped(self, pack: int, number: int) -> bool:
        """Tell whether an object is read elsewhere, or need not be read."""
        if pack == LOOSE or (skipped := self.packs[pack].skipped) is None:
            return False
        return bool(skipped[number])

    def object_ids(self, pack: int, numbers: Iterable[int]) -> dict[int, bytes]:
        """Return the ids of objects by their numbers in a pack or among the loose ones."""
        if pack == LOOSE:
            return {number: self.loose[number][0] for number in numbers}
        starts = self.packs[pack].entries.starts
        offsets = {number: starts[number] for number in numbers}
        ids = self.packs[pack].pack.object_ids(offsets.values())
        return {number: ids[offset] for number, offset in offsets.items()}


def prepare(
    directory: Path,
    jobs: int,
    skip: Container[bytes] | None = None,
    skip_packs: Container[bytes] = (),
    known: Sequence[Ids] = (),
    *,
    borrowed: Sequence[Path] = (),
) -> Plan:
    """Return what is to be read in an object directory and its alternates.

    Args:
        directory: As git names it (`rev-parse --git-path objects`).
        jobs: How many processes will share the work.
        skip: Ids that need not be looked into.
        skip_packs: Checksums of packs of which nothing need be looked into.
        known: Tables of ids that need not be looked into either.
        borrowed: More object directories, which stand for this one as alternates do.
    """
    directories, unread = object_directories(directory, borrowed)
    odd: list[str] = []
    packs = sorted(
        _packs(directories, odd, unread), key=lambda pack: pack.index.count, reverse=True
    )
    tables = list(known)
    done = [pack for pack in packs if pack.checksum in skip_packs or cover(tables, pack.index)]
    packs = [pack for pack in packs if pack not in done]
    size = sum(pack.end + PER_OBJECT * pack.index.count for pack in packs)
    unit_weight = min(max(_SMALLEST_UNIT, size // (jobs * _UNITS_PER_JOB)), _LARGEST_UNIT)
    grown: list[Grown] = []
    for pack in packs:
        earlier = [*tables, *(other.index for other in (*done, *(each.pack for each in grown)))]
        try:
            grown.append(_grow(pack, earlier, unit_weight, skip, jobs))
        except NotUnderstood as reason:
            odd.append(str(reason))
    packed = [*tables, *(pack.index for pack in (*done, *(each.pack for each in grown)))]
    loose = list(_loose(directories, odd, packed, skip))
    work = [
        Work(number, unit.starts, unit.weight)
        for number, each in enumerate(grown)
        for unit in each.forest.units
    ]
    return Plan(done, grown, loose, [*work, *_loose_work(len(loose))], odd, unread)


def _packs(directories: list[Path], odd: list[str], unread: list[Unread]) -> Iterator[Pack]:
    for directory in directories:
        for name in list_packs(directory, odd):
            try:
                yield open_pack(directory / "pack" / name)
            except NotRegular as reason:
                unread.append(Unread(f"{name}: {reason}"))
            except NotUnderstood as reason:
                odd.append(f"{name}: {reason}")


def _grow(
    pack: Pack,
    earlier: list[Ids],
    unit_weight: int,
    skip: Container[bytes] | None,
    jobs: int,
) -> Grown:
    entries = read_entries(pack, jobs)
    skipped = _skipped(pack, entries, earlier, skip)
    return Grown(pack, entries, grow(entries, unit_weight, skipped), skipped)


def _skipped(
    pack: Pack, entries: Entries, earlier: list[Ids], skip: Container[bytes] | None
) -> bytearray | None:
    numbers = list(known_to(earlier, pack.index))
    if skip is not None:
        ids = (object_id for byte in range(256) for object_id in pack.index.ids(byte))
        numbers += [number for number, object_id in enumerate(ids) if object_id in skip]
    if not numbers:
        return None
    offsets = pack.index.offsets()
    skipped = bytearray(pack.index.count)
    for number in numbers:
        skipped[bisect_left(entries.starts, offsets[number])] = 1
    return skipped


def _loose(
    directories: list[Path],
    odd: list[str],
    packed: list[Ids],
    skip: Container[bytes] | None,
) -> Iterator[tuple[bytes, Path]]:
    seen = set()
    for directory in directories:
        for object_id, path in list_loose(directory, odd):
            if object_id in seen or (skip is not None and object_id in skip):
                continue
            seen.add(object_id)
            if all(index.find(object_id) is None for index in packed):
                yield object_id, path


def _loose_work(count: int) -> Iterable[Work]:
    for first in range(0, count, _LOOSE_UNIT):
        numbers = array("I", range(first, min(first + _LOOSE_UNIT, count)))
        yield Work(LOOSE, numbers, _LOOSE_WEIGHT * len(numbers))
