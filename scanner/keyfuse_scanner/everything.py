"""Look into every object of a repository, reachable or not.

Processes tell which objects hold something; those are read through git once more and looked into
with all care. So no secret goes from one process to another, and few objects are looked at twice.
"""

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from functools import partial
from itertools import chain
from typing import NamedTuple, cast

from keyfuse_scanner import git, objectstore
from keyfuse_scanner.examine import Examined, examine
from keyfuse_scanner.git import Repository
from keyfuse_scanner.gitbatch import BatchObject, TruncatedBatch
from keyfuse_scanner.model import Unscanned
from keyfuse_scanner.modes import Scanning
from keyfuse_scanner.objects import read_entries, read_objects
from keyfuse_scanner.objectstore import Damaged, GitObject
from keyfuse_scanner.sieve import Sieve
from keyfuse_scanner.sources import history
from keyfuse_scanner.sources.revisions import summed_up


class Shard(NamedTuple):
    """A part of the objects of a repository, the same on every machine; from 0 to `of` - 1."""

    number: int
    of: int


def examine_everything(
    scanning: Scanning, repository: Repository, shard: Shard | None = None
) -> Examined:
    """Return the hits in all objects and names of refs, and what could not be looked into.

    Args:
        scanning: How.
        repository: Where.
        shard: Which objects; what is no object, and what is missing, belongs to the first shard.
    """
    first = shard is None or shard.number == 0
    with history.missing(repository) if first else nullcontext(list) as missing:
        scan = objectstore.scan(
            git.location(repository, "objects"),
            partial(Sieve, scanning.matcher, scanning.max_size, every=scanning.every),
            GitObjects(repository),
            jobs=scanning.jobs,
            skip=None if shard is None else _Others(shard),
        )
        unread = (
            Unscanned(reason, object_id=object_id.hex() if object_id else None)
            for reason, object_id in scan.unread
        )
        unscanned = [*summed_up(unread, "objects could not be read"), *missing()]
    found = sorted(object_id.hex() for object_id, _ in scan.found)
    again = read_objects(repository, found, max_size=scanning.max_size)
    names = history.ref_names(repository) if first else ()
    examined = examine(chain(again, names), scanning.matcher, every=scanning.every)
    return Examined(examined.hits, unscanned + examined.unscanned, scan.objects, scan.size)


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
        with git.stream(
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
