"""Let the own reader look into an object store, in several processes."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, cast

from keyfuse_scanner import gitstreams
from keyfuse_scanner.git import Repository
from keyfuse_scanner.gitbatch import BatchObject, TruncatedBatch
from keyfuse_scanner.gitplaces import Layout
from keyfuse_scanner.objects import read_entries
from keyfuse_scanner.objectstore.idtable import Ids
from keyfuse_scanner.objectstore.model import Damaged, GitObject, Scan
from keyfuse_scanner.objectstore.scanning import scan
from keyfuse_scanner.scanning import Scanning
from keyfuse_scanner.sieve import Sieve


class Shard(NamedTuple):
    """A part of the objects of a repository, the same on every machine; from 0 to `of` - 1."""

    number: int
    of: int


def look(
    scanning: Scanning,
    repository: Repository,
    layout: Layout,
    *,
    shard: Shard | None = None,
    packs: frozenset[bytes] = frozenset(),
    known: Sequence[Ids] = (),
) -> Scan[bool]:
    """Return which objects hold something.

    Args:
        scanning: How.
        repository: Where.
        layout: Where its objects are.
        shard: Which objects; None for all.
        packs: Checksums of packs that need not be looked into.
        known: Ids of objects that need not be looked into either.
    """
    return scan(
        layout.objects,
        partial(Sieve, scanning.matcher, scanning.max_size, every=scanning.every),
        GitObjects(repository),
        jobs=scanning.jobs,
        skip=None if shard is None else _Others(shard),
        skip_packs=packs,
        known=known,
        borrowed=layout.borrowed,
        progress=scanning.progress,
    )


class _Others:
    """The ids of the objects that belong to other shards."""

    def __init__(self, shard: Shard) -> None:
        self._number, self._of = shard

    def __contains__(self, object_id: object) -> bool:
        return int.from_bytes(cast(bytes, object_id)[:4], "big") % self._of != self._number


class GitObjects:
    """Objects as git reads them, for what the own reader does not understand."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def object_ids(self) -> Iterator[bytes]:
        """Yield the id of every object there is; see `keyfuse_scanner.objectstore.Git`."""
        arguments = ("--batch-all-objects", "--unordered", "--buffer")
        with gitstreams.stream(
            self._repository, "cat-file", *arguments, "--batch-check=%(objectname)"
        ) as process:
            for line in process.stdout:
                yield bytes.fromhex(line.decode("ascii"))
            if failure := process.failure():
                raise Damaged(str(failure))

    def read(self, object_ids: list[bytes], /) -> Iterator[GitObject]:
        """Yield objects; see `keyfuse_scanner.objectstore.Git`."""
        names = [object_id.hex() for object_id in object_ids]
        for entry in read_entries(self._repository, names):
            if isinstance(entry, BatchObject):
                object_id = bytes.fromhex(entry.object_id)
                yield GitObject(object_id, entry.kind, entry.size, _unbroken(entry.pieces))


def _unbroken(pieces: Iterable[bytes]) -> Iterator[bytes]:
    try:
        yield from pieces
    except TruncatedBatch:
        raise Damaged("damaged object: git ended before it was read") from None
