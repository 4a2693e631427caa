"""The deltas of a pack as trees, and these cut into units of about equal work."""

from array import array
from collections.abc import Iterator
from itertools import compress
from typing import NamedTuple

from keyfuse_scanner.objectstore.entries import CIRCLE, Entries
from keyfuse_scanner.objectstore.headers import NONE, UNKNOWN
from keyfuse_scanner.objectstore.model import KINDS

# What an object costs besides its packed bytes, in packed bytes.
PER_OBJECT = 200

_WANTED = bytes(kind in KINDS.values() for kind in range(256))
_UNKNOWN = bytes(kind == UNKNOWN for kind in range(256))
_CIRCLE = bytes(kind == CIRCLE for kind in range(256))


class Forest(NamedTuple):
    """The objects to look into, by place in the pack.

    Attributes:
        children: First delta on each object, else NONE.
        siblings: Next delta on the same base, else NONE.
        weights: Work of an object with all that hangs on it.
        units: Places to begin at; what hangs on one belongs to the same unit, but for those that
            begin another.
        unknown: Places of entries whose type is not known, and of all that hangs on them.
        circular: Places of deltas that lead back to themselves. Git would follow them for ever.
    """

    children: "array[int]"
    siblings: "array[int]"
    weights: "array[int]"
    units: "list[Unit]"
    unknown: list[int]
    circular: list[int]


class Unit(NamedTuple):
    """Some trees to walk in one go."""

    starts: "array[int]"
    weight: int


def grow(entries: Entries, unit_weight: int, skipped: bytearray | None = None) -> Forest:
    """Return the trees of deltas.

    Args:
        entries: What the headers say.
        unit_weight: Where a unit is full; a tree with more is cut at its branches.
        skipped: 1 for each place that need not be looked into.
    """
    wanted = array("I", compress(range(len(entries.kinds)), entries.kinds.translate(_WANTED)))
    if skipped is not None:
        wanted = _needed(entries, wanted, skipped)
    forest = Forest(
        children=array("I", [NONE]) * len(entries.kinds),
        siblings=array("I", [NONE]) * len(entries.kinds),
        weights=array("Q", [0]) * len(entries.kinds),
        units=[],
        unknown=_places(entries, _UNKNOWN),
        circular=_places(entries, _CIRCLE),
    )
    roots, branches = _link(entries, forest, wanted, unit_weight)
    # Branches of one base follow each other, so that it is rebuilt once for all of them.
    branches = array("I", sorted(branches, key=entries.parents.__getitem__))
    forest.units.extend(_units(forest, branches, unit_weight))
    forest.units.extend(_units(forest, roots, unit_weight))
    return forest


def _places(entries: Entries, which: bytes) -> list[int]:
    return list(compress(range(len(entries.kinds)), entries.kinds.translate(which)))


def _needed(entries: Entries, wanted: "array[int]", skipped: bytearray) -> "array[int]":
    """Leave out what is to be skipped, unless something hangs on it that is not."""
    needed = bytearray(len(skipped))
    for start in wanted:
        place = NONE if skipped[start] else start
        while place != NONE and not needed[place]:
            needed[place] = 1
            place = entries.parents[place]
    return array("I", compress(wanted, map(needed.__getitem__, wanted)))


def _link(
    entries: Entries, forest: Forest, wanted: "array[int]", unit_weight: int
) -> "tuple[array[int], array[int]]":
    """Hang each delta on its base; return the roots, and the branches that were cut off."""
    starts, _, parents, _ = entries
    children, siblings, weights = forest.children, forest.siblings, forest.weights
    roots = array("I")
    branches = array("I")
    # Bases by distance stand before their deltas, so that a weight is complete when it is added.
    for place in reversed(wanted):
        weight = weights[place] = weights[place] + starts[place + 1] - starts[place] + PER_OBJECT
        parent = parents[place]
        if parent == NONE:
            roots.append(place)
        elif weight + weights[parent] > unit_weight:
            branches.append(place)
        else:
            weights[parent] += weight
            siblings[place] = children[parent]
            children[parent] = place
    roots.reverse()
    return roots, branches


def _units(forest: Forest, starts: "array[int]", unit_weight: int) -> Iterator[Unit]:
    first = weight = 0
    for place, start in enumerate(starts, 1):
        weight += forest.weights[start]
        if weight >= unit_weight:
            yield Unit(starts[first:place], weight)
            first, weight = place, 0
    if first < len(starts):
        yield Unit(starts[first:], weight)
