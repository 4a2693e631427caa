"""Walk the delta trees of a pack: inflate each object once, apply each delta once, look into it.

A base is held only while deltas on it are pending. The heaviest branch comes last, so that its
base need not be held meanwhile; what is still too much to hold is put off and rebuilt later.
"""

from collections.abc import Iterable, Iterator
from typing import Generic, NamedTuple

from keyfuse_scanner.objects import deltas
from keyfuse_scanner.objects.entries import NONE, Entries, read_size
from keyfuse_scanner.objects.forest import Forest
from keyfuse_scanner.objects.inflating import SHORT, inflate, inflate_pieces, inflater
from keyfuse_scanner.objects.model import Damaged, Limits, Scanner, T
from keyfuse_scanner.objects.pack import Pack

# Bases below this are not counted: the longest chain git makes (4,095) of them is 64 MiB.
_COUNTED = 16 << 10
# Where a delta holds its sizes: three bytes of seven bits cannot say more than 2 MiB.
_SMALL_RESULT = 2 << 20


class Outcome(NamedTuple, Generic[T]):
    """What walking one unit gave; objects are named by their place in the pack.

    Attributes:
        failed: Git is to read these.
        too_large: These are over `Limits.largest`.
    """

    found: list[tuple[int, T]]
    failed: list[int]
    too_large: list[int]
    objects: int
    size: int


class Trees(Generic[T]):
    """The trees of one pack, ready to be walked."""

    def __init__(
        self,
        pack: Pack,
        entries: Entries,
        forest: Forest,
        skipped: bytearray | None,
        scanner: Scanner[T],
        limits: Limits,
    ) -> None:
        self._pack = pack
        self._entries = entries
        self._forest = forest
        self._skipped = skipped
        self._scanner = scanner
        self._limits = limits
        self._rebuilt: tuple[int, bytes] = (NONE, b"")

    def walk(self, starts: Iterable[int]) -> Outcome[T]:
        """Look into the trees that begin at these places."""
        self._found: list[tuple[int, T]] = []
        self._failed: list[int] = []
        self._too_large: list[int] = []
        self._objects = self._size = 0
        for start in starts:
            try:
                self._start(start)
            except Damaged:
                self._failed += self._subtree(start)
        self._rebuilt = (NONE, b"")
        return Outcome(self._found, self._failed, self._too_large, self._objects, self._size)

    def _start(self, start: int) -> None:
        parent = self._entries.parents[start]
        if parent == NONE:
            self._root(start)
            return
        if self._rebuilt[0] != parent:
            self._rebuilt = (NONE, b"")
            self._rebuilt = (parent, self._rebuild(parent))
        self._branches([start], self._rebuilt[1])

    def _root(self, start: int) -> None:
        size, begin = read_size(self._pack.data, self._entries.starts[start])
        ...
