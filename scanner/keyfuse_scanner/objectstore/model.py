"""The values that flow through the object reader; read this first."""

from collections.abc import Iterable, Iterator
from typing import Generic, NamedTuple, Protocol, TypeVar

COMMIT, TREE, BLOB, TAG = 1, 2, 3, 4
"""Object types as packs number them (gitformat-pack(5))."""

KINDS = {"commit": COMMIT, "tree": TREE, "blob": BLOB, "tag": TAG}

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Scanner(Protocol[T_co]):
    """What is done with each object; None means there is nothing to tell about it."""

    def whole(self, kind: int, data: bytes, /) -> T_co | None:
        """Look into one object."""

    def pieces(self, kind: int, pieces: Iterator[bytes], /) -> T_co | None:
        """Look into an object too large to hold; pieces follow each other without overlap.

        `Damaged`, raised by the iterator where the object breaks off, is to be let through.
        """


class Limits(NamedTuple):
    """What may be held in memory, in bytes of one object unless said otherwise.

    Attributes:
        whole: A larger object comes in pieces.
        deltified: A larger one that is a delta, or the base of one, is git's to rebuild.
        rebuilt: A larger one of these is reported and not read at all. Git makes none that are
            over 512 MiB (`core.bigFileThreshold`); a few bytes can claim to be one.
        largest: A larger one of any kind is reported and not read at all.
        held: Bases of pending deltas, together, in one process.
    """

    whole: int = 16 << 20
    deltified: int = 32 << 20
    rebuilt: int = 512 << 20
    largest: int = 1 << 40
    held: int = 48 << 20


class GitObject(NamedTuple):
    """An object read by git for us; its pieces are taken before the next one is asked for."""

    object_id: bytes
    kind: str
    size: int
    pieces: Iterable[bytes]


class Git(Protocol):
    """Reads through git what this reader cannot."""

    def object_ids(self) -> Iterable[bytes]:
        """Return the id of every object there is.

        Raises:
            Damaged: git cannot list them all.
        """

    def read(self, object_ids: list[bytes], /) -> Iterable[GitObject]:
        """Read objects. What git cannot read is left out and does not keep it from the others.

        Where an object breaks off in the middle, its pieces raise `Damaged`.
        """


class Unread(NamedTuple):
    """Something nobody could read; `object_id` is None where it is not known which objects."""

    reason: str
    object_id: bytes | None = None


class Outcome(NamedTuple, Generic[T]):
    """What looking into some objects gave, named by their number in the pack or list they are of.

    Attributes:
        failed: Git is to read these.
        refused: These nobody is to read, and why.
    """

    found: list[tuple[int, T]]
    failed: list[int]
    refused: list[tuple[int, str]]
    objects: int
    size: int


class Progress(NamedTuple):
    """How far a scan is: `done` of `total` is work in packed bytes, the rest is what was read."""

    done: int
    total: int
    objects: int
    size: int


class Scan(NamedTuple, Generic[T]):
    """What a scan of an object store gave.

    Attributes:
        found: Object id and what the scanner said, in no particular order, one entry per object.
        objects: How many objects were looked into.
        size: How many bytes they had.
        packs: Checksums of the packs that are there, to be remembered where nothing is unread.
        loose: Ids of the loose objects that were looked into, to be remembered likewise.
    """

    found: list[tuple[bytes, T]]
    unread: list[Unread]
    objects: int
    size: int
    packs: frozenset[bytes] = frozenset()
    loose: frozenset[bytes] = frozenset()


class NotUnderstood(Exception):
    """A file is not of the form this reader knows; git is asked instead."""


class NotRegular(NotUnderstood):
    """Something other than a file, which git may wait for without end."""


class Damaged(Exception):
    """An object cannot be inflated or rebuilt from what the pack says."""


class TooLarge(Damaged):
    """An object is, or claims to be, too large to be rebuilt by anybody."""
