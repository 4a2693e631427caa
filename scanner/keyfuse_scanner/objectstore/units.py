"""Look into one unit of work, in whatever process."""

from collections.abc import Callable
from typing import Generic, NamedTuple

from keyfuse_scanner.objectstore.loose import read_loose
from keyfuse_scanner.objectstore.model import Limits, Outcome, Scanner, T
from keyfuse_scanner.objectstore.plan import LOOSE, Plan
from keyfuse_scanner.objectstore.trees import reach, walk


class Result(NamedTuple, Generic[T]):
    """What a unit gave; `unit` is its number in the plan."""

    unit: int
    outcome: Outcome[T]


class Lost(NamedTuple):
    """A unit that was not read to its end, or not begun, as no process was left to do so."""

    unit: int
    reason: str


class Job(NamedTuple, Generic[T]):
    """What a process needs to join in; pickled where it does not inherit it."""

    prepare: Callable[[], Plan]
    make_scanner: Callable[[], Scanner[T]]
    limits: Limits
    signature: tuple[object, ...]


def look_into(plan: Plan, unit: int, scanner: Scanner[T], limits: Limits) -> Result[T]:
    """Look into the objects of a unit."""
    pack, starts, _ = plan.work[unit]
    if pack == LOOSE:
        return Result(unit, read_loose(plan.loose, starts, scanner, limits))
    return Result(unit, walk(plan.packs[pack], starts, scanner, limits))


def count_objects(plan: Plan, unit: int) -> int:
    """Return how many objects are in a unit."""
    pack, starts, _ = plan.work[unit]
    return len(starts) if pack == LOOSE else len(reach(plan.packs[pack].forest, starts))
