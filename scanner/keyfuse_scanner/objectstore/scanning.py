"""Scan a whole object store: the public call of this package."""

from collections.abc import Callable, Container, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Generic, NamedTuple

from keyfuse_scanner.cores import cores
from keyfuse_scanner.objectstore.fallback import scan_with_git
from keyfuse_scanner.objectstore.idtable import Ids
from keyfuse_scanner.objectstore.model import (
    Git,
    Limits,
    Progress,
    Scan,
    Scanner,
    T,
    Unread,
)
from keyfuse_scanner.objectstore.plan import LOOSE, Plan, prepare
from keyfuse_scanner.objectstore.units import Job, Lost, Result, count_objects, look_into

# Below this many packed bytes another process costs more than it saves.
SMALL = 12 << 20


def scan(
    directory: Path,
    make_scanner: Callable[[], Scanner[T]],
    git: Git,
    *,
    jobs: int | None = None,
    limits: Limits = Limits(),  # noqa: B008 - a tuple, never changed
    skip: Container[bytes] | None = None,
    skip_packs: Container[bytes] = (),
    known: Sequence[Ids] = (),
    borrowed: Sequence[Path] = (),
    progress: Callable[[Progress], None] | None = None,
    method: str | None = None,
) -> Scan[T]:
    """Look into every object of an object store once, reachable or not.

    Args:
        directory: The object directory, as git names it for a repository that git accepted.
        make_scanner: Makes what looks into objects, once in each process; a module-level function
            where processes are not forked.
        git: Reads what this reader cannot.
        jobs: Processes at most; None is one for each core. 1 stays in this process.
        limits: What may be held in memory.
        skip: Ids of objects not to look into; pickled where processes are not forked. Costs a
            look-up for each object there is, so a pack that is known as a whole goes below.
        skip_packs: Checksums of packs not to look into, as `Scan.packs` told them.
        known: Tables of ids not to look into; a pack that holds no others costs next to nothing.
        borrowed: More object directories, which stand for this one as alternates do.
        progress: Called after each unit of work.
        method: How `multiprocessing` starts workers; None is what suits the platform.

    Raises:
        WorkerFailed: the scanner raised an exception in another process.
    """
    jobs = jobs or cores()
    plan = prepare(directory, jobs, skip, skip_packs, known, borrowed=borrowed)
    outcomes = _in_this_process(plan, range(len(plan.work)), make_scanner, limits)
    if jobs > 1 and plan.weight >= SMALL:
        recipe = partial(prepare, directory, jobs, skip, skip_packs, known, borrowed=borrowed)
        job = Job(recipe, make_scanner, limits, plan.signature)
        outcomes = _in_processes(plan, job, jobs, method)
    results: list[Result[T]] = []
    unread = list(plan.unread)
    report = _Report(plan, progress)
    for result in outcomes:
        if isinstance(result, Lost):
            count = count_objects(plan, result.unit)
            unread.append(Unread(f"{result.reason}; {count} objects were not read"))
        else:
            results.append(result)
            report.add(result)
    named = _name(plan, results)
    unread += named.refused
    by_git = scan_with_git(
        plan,
        named.failed,
        git=git,
        make_scanner=make_scanner,
        limits=limits,
        skip=skip,
        known=known,
    )
    return Scan(
        found=[*named.found, *by_git.found],
        unread=[*unread, *by_git.unread],
        objects=by_git.objects + sum(result.outcome.objects for result in results),
        size=by_git.size + sum(result.outcome.size for result in results),
        packs=frozenset(pack.checksum for pack in plan.all_packs),
        loose=frozenset(object_id for object_id, _ in plan.loose),
    )


def _in_this_process(
    plan: Plan, units: range | list[int], make_scanner: Callable[[], Scanner[T]], limits: Limits
) -> Iterator[Result[T] | Lost]:
    scanner = make_scanner()
    for unit in units:
        yield look_into(plan, unit, scanner, limits)


def _in_processes(
    plan: Plan, job: Job[T], jobs: int, method: str | None
) -> Iterator[Result[T] | Lost]:
    from keyfuse_scanner.objectstore.workers import share

    done = set()
    for outcome in share(plan, job, jobs, method):
        done.add(outcome.unit)
        yield outcome
    # Workers that found another store than we did took nothing.
    left = [unit for unit in range(len(plan.work)) if unit not in done]
    yield from _in_this_process(plan, left, job.make_scanner, job.limits)


class _Report:
    def __init__(self, plan: Plan, progress: Callable[[Progress], None] | None) -> None:
        self._plan = plan
        self._progress = progress
        self._last = Progress(0, plan.weight, 0, 0)

    def add(self, result: Result[T]) -> None:
        done, total, objects, size = self._last
        done += self._plan.work[result.unit].weight
        outcome = result.outcome
        self._last = Progress(done, total, objects + outcome.objects, size + outcome.size)
        if self._progress is not None:
            self._progress(self._last)


class _Named(NamedTuple, Generic[T]):
    found: list[tuple[bytes, T]]
    failed: list[bytes]
    refused: list[Unread]


def _name(plan: Plan, results: list[Result[T]]) -> _Named[T]:
    """Replace numbers by object ids: only now, as few of them are ever needed."""
    named = _Named[T]([], [], [])
    for pack in (*range(len(plan.packs)), LOOSE):
        mine = [result.outcome for result in results if plan.work[result.unit].pack == pack]
        found = [pair for outcome in mine for pair in outcome.found]
        failed = [number for outcome in mine for number in outcome.failed]
        refused = [pair for outcome in mine for pair in outcome.refused]
        if pack != LOOSE:
            failed += plan.packs[pack].forest.unknown
            circular = plan.packs[pack].forest.circular
            refused += ((number, "its deltas form a circle") for number in circular)
        failed = [number for number in failed if not plan.skipped(pack, number)]
        refused = [pair for pair in refused if not plan.skipped(pack, pair[0])]
        known = (number for pairs in (found, refused) for number, _ in pairs)
        ids = plan.object_ids(pack, [*failed, *known])
        named.found.extend((ids[number], what) for number, what in found)
        named.failed.extend(ids[number] for number in failed)
        named.refused.extend(Unread(reason, ids[number]) for number, reason in refused)
    return named
