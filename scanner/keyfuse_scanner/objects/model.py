"""The values that flow through the object reader; read this first."""

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, NamedTuple, Protocol, TypeVar

COMMIT, TREE, BLOB, TAG = 1, 2, 3, 4
"""Object types as packs number them (gitformat-pack(5)). Trees are never looked into."""

KINDS = {"commit": COMMIT, "tree": TREE, "blob": BLOB, "tag": TAG}

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Scanner(Protocol[T_co]):
    """What is done with each object; None means there is nothing to tell about it."""

    def whole(self, kind: int, data: bytes, /) -> T_co | None:
        """Look into one object."""

    def pieces(self, kind: int, pieces: Iterator[bytes], /) -> T_co | None:
        """Look into an object too large to hold; pieces follow each other without overlap.

        An exception of the iterator (the object turned out to be damaged) is to be let through.
        """


class Limits(NamedTuple):
    """What may be held in memory, in bytes of one object unless said otherwise.

    Attributes:
        whole: A larger object comes in pieces.
        deltified: A larger one that is a delta, or the base of one, is git's to rebuild.
        largest: A larger one is reported and not read at all.
        held: Bases of pending deltas, together, in one process.
    """

    whole: int = 16 << 20
    deltified: int = 32 << 20
    largest: int = 1 << 40
    held: int = 48 << 20


class GitObject(NamedTuple):
    """An object read by git for us; its pieces are taken before the next one is asked for."""

    object_id: bytes
    kind: str
    size: int
    pieces: Iterable[bytes]


ReadWithGit = Callable[[Iterable[bytes] | None], Iterable[GitObject]]
"""Read objects through git: those of the ids given, or every object there is for None.

What git cannot read is left out, and an object it fails on does not end the iteration. An exception
while pieces are taken concerns that object alone.
"""


class Unread(NamedTuple):
    """Something nobody could read; `object_id` is None where it is not known which objects."""

    reason: str
    object_id: bytes | None = None


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
    """

    found: list[tuple[bytes, T]]
    unread: list[Unread]
    objects: int
    size: int


class NotUnderstood(Exception):  # noqa: N818 - a fact about a file, always caught in this package
    """A file is not of the form this reader knows; git is asked instead."""


class Damaged(Exception):  # noqa: N818 - a fact about one object, always caught in this package
    """An object cannot be inflated or rebuilt from what the pack says."""
