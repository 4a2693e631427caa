"""Walk the delta trees of a pack: inflate each object once, apply each delta once, look into it.

A base is held only while deltas on it are pending. The heaviest of them comes last, so that the
base need not be held meanwhile; where it is still too much, they are put off and the base rebuilt.
"""

from collections.abc import Iterable, Iterator
from typing import Generic, NamedTuple

from keyfuse_scanner.objectstore import deltas, inflating
from keyfuse_scanner.objectstore.entries import Entries
from keyfuse_scanner.objectstore.forest import Forest
from keyfuse_scanner.objectstore.headers import NONE, read_size
from keyfuse_scanner.objectstore.model import Damaged, Limits, Outcome, Scanner, T, TooLarge
from keyfuse_scanner.objectstore.pack import Pack

# Smaller bases are not counted: the longest chain that git makes (4,095) of them is 64 MiB.
_COUNTED = 16 << 10
_DAMAGE: tuple[type[BaseException], ...] = (
    Damaged,
    inflating.inflater.error,
    *deltas.DAMAGE,
    MemoryError,
)


class Grown(NamedTuple):
    """A pack with all that is known of it before an object is inflated."""

    pack: Pack
    entries: Entries
    forest: Forest
    skipped: bytearray | None


def walk(grown: Grown, starts: Iterable[int], scanner: Scanner[T], limits: Limits) -> Outcome[T]:
    """Look into the trees that begin at these places."""
    walker = _Walk(grown, scanner, limits)
    for start in starts:
        walker.start(start)
    return Outcome(walker.found, walker.failed, walker.refused, walker.objects, walker.size)


def reach(forest: Forest, starts: Iterable[int]) -> list[int]:
    """Return the places of some starts and of all that hangs on them in the same unit."""
    places = list(starts)
    for above in places:
        child = forest.children[above]
        while child != NONE:
            places.append(child)
            child = forest.siblings[child]
    return places


class _Walk(Generic[T]):
    def __init__(self, grown: Grown, scanner: Scanner[T], limits: Limits) -> None:
        self._grown = grown
        self._scanner = scanner
        self._limits = limits
        self._rebuilt = (NONE, b"")
        self._stack: list[tuple[int, bytes]] = []  # deltas that are pending, with their bases
        self._held: list[int] = []  # sizes of counted bases on the stack; (NONE, b"") ends one
        self._put_off: list[int] = []  # objects to be rebuilt for the deltas on them
        self.found: list[tuple[int, T]] = []
        self.failed: list[int] = []
        self.refused: list[tuple[int, str]] = []
        self.objects = self.size = 0

    def start(self, start: int) -> None:
        """Look into one tree, or one branch that was cut off."""
        parent = self._grown.entries.parents[start]
        if parent == NONE:
            self._root(start)
        elif (base := self._rebuild(parent)) is not None:
            self._descend(start, start, base)
        else:
            self.failed += self._subtree(start)
        while self._put_off:
            place = self._put_off.pop()
            child = self._grown.forest.children[place]
            if (base := self._rebuild(place)) is not None:
                self._descend(place, child, base)
            else:
                self.failed += self._subtree(place)[1:]

    def _root(self, place: int) -> None:
        try:
            self._look_into_root(place)
        except TooLarge as reason:
            self._refuse(self._subtree(place), str(reason))
        except Damaged:
            self.failed += self._subtree(place)

    def _look_into_root(self, place: int) -> None:
        pack, entries, forest, skipped = self._grown
        wanted = skipped is None or not skipped[place]
        child = forest.children[place]
        size, begin = read_size(pack.data, entries.starts[place])
        packed = pack.view[begin : entries.starts[place + 1]]
        if wanted and size > self._limits.largest:
            self._refuse([place], "too large")
            wanted = False
        if size > (self._limits.whole if child == NONE else self._limits.rebuilt):
            if wanted:
                pieces = inflating.inflate_pieces(packed, size, max(1, self._limits.whole // 4))
                self._note(place, size, self._scanner.pieces(entries.kinds[place], pieces))
            self._refuse(self._subtree(place)[1:], "too large to rebuild")
        elif wanted or child != NONE:
            data = self._inflate_whole(packed, size)
            if wanted:
                self._note(place, size, self._scanner.whole(entries.kinds[place], data))
            if child != NONE:
                self._descend(place, child, data)

    def _note(self, place: int, size: int, result: T | None) -> None:
        self.objects += 1
        self.size += size
        if result is not None:
            self.found.append((place, result))

    def _inflate_whole(self, packed: memoryview, size: int) -> bytes:
        self._check(size)
        return inflating.inflate(packed, size)

    def _descend(self, parent: int, child: int, base: bytes) -> None:  # noqa: PLR0912 - see below
        """Look into a delta on `base`, its siblings, and all that hangs on them.

        Long and flat: this is where the time goes, 2 µs an object besides inflating and looking.
        """
        pack, (starts, kinds, _, lengths), forest, skipped = self._grown
        children, siblings = forest.children, forest.siblings
        view, kind = pack.view, kinds[child]
        short, no_check, largest = inflating.SHORT, self._limits.deltified, self._limits.largest
        decompress, apply = inflating.inflater.decompress, deltas.fastest
        look, found, stack = self._scanner.whole, self.found, self._stack
        objects = size = 0
        place = child if siblings[child] == NONE else self._spread(parent, child, base)
        while True:
            while place != NONE:
                begin = starts[place] + lengths[place]
                end = starts[place + 1]
                try:
                    if end - begin <= short:
                        delta = decompress(view[begin:end])
                    else:
                        delta = self._inflate_delta(place)
                    # Each byte of a delta adds one base at most, so most need no closer look.
                    if len(delta) * len(base) > no_check:
                        self._check(deltas.result_size(delta))
                    base = apply(base, delta)[0]
                except TooLarge as reason:
                    self._refuse(self._subtree(place), str(reason))
                    break
                except _DAMAGE:
                    self.failed += self._subtree(place)
                    break
                if skipped is not None and skipped[place]:
                    pass
                elif len(base) > largest:
                    self._refuse([place], "too large")
                else:
                    objects += 1
                    size += len(base)
                    result = look(kind, base)
                    if result is not None:
                        found.append((place, result))
                child = children[place]
                if child == NONE:
                    break
                place = child if siblings[child] == NONE else self._spread(place, child, base)
            while stack:
                place, base = stack.pop()
                if place != NONE:
                    break
                self._held.pop()
            else:
                break
        self.objects += objects
        self.size += size

    def _spread(self, parent: int, child: int, base: bytes) -> int:
        """Put the deltas on one base on the stack but for one, which is returned."""
        siblings = self._grown.forest.siblings
        places = []
        while child != NONE:
            places.append(child)
            child = siblings[child]
        if len(base) < _COUNTED:
            first = places.pop(0)
            self._stack += [(place, base) for place in reversed(places)]
            return first
        if sum(self._held) + len(base) > self._limits.held:
            self._put_off.append(parent)
            return NONE
        places.sort(key=self._grown.forest.weights.__getitem__, reverse=True)
        self._stack.append((places[0], base))
        self._stack.append((NONE, b""))
        self._held.append(len(base))
        self._stack += [(place, base) for place in places[1:-1]]
        return places[-1]

    def _inflate_delta(self, place: int) -> bytes:
        pack, entries, _, _ = self._grown
        start = entries.starts[place]
        size, _ = read_size(pack.data, start)
        begin = start + entries.lengths[place]
        return self._inflate_whole(pack.view[begin : entries.starts[place + 1]], size)

    def _check(self, size: int) -> None:
        if size > self._limits.rebuilt:
            raise TooLarge("too large to rebuild")
        if size > self._limits.deltified:
            raise Damaged("too large to hold")

    def _refuse(self, places: list[int], reason: str) -> None:
        self.refused += ((place, reason) for place in places)

    def _rebuild(self, place: int) -> bytes | None:
        """Return an object from its chain of deltas, None if that cannot be done."""
        if self._rebuilt[0] == place:
            return self._rebuilt[1]
        self._rebuilt = (NONE, b"")
        pack, entries, _, _ = self._grown
        chain = list(self._chain(place))
        try:
            size, begin = read_size(pack.data, entries.starts[chain[-1]])
            data = self._inflate_whole(pack.view[begin : entries.starts[chain[-1] + 1]], size)
            for step in reversed(chain[:-1]):
                delta = self._inflate_delta(step)
                self._check(deltas.result_size(delta))
                data = deltas.fastest(data, delta)[0]
        except _DAMAGE:
            return None
        self._rebuilt = (place, data)
        return data

    def _chain(self, place: int) -> Iterator[int]:
        while place != NONE:
            yield place
            place = self._grown.entries.parents[place]

    def _subtree(self, place: int) -> list[int]:
        return reach(self._grown.forest, [place])
