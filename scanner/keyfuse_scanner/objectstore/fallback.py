"""Have git read what this reader cannot."""

from collections.abc import Callable, Container, Iterator, Sequence

from keyfuse_scanner.objectstore.idtable import Ids
from keyfuse_scanner.objectstore.model import (
    KINDS,
    Damaged,
    Git,
    GitObject,
    Limits,
    Scan,
    Scanner,
    T,
    Unread,
)
from keyfuse_scanner.objectstore.plan import Plan

_UNREAD = "git cannot read it either"


def scan_with_git(
    plan: Plan,
    failed: list[bytes],
    *,
    git: Git,
    make_scanner: Callable[[], Scanner[T]],
    limits: Limits,
    skip: Container[bytes] | None,
    known: Sequence[Ids] = (),
) -> Scan[T]:
    """Look into the objects that failed, and into all that stand in files not understood."""
    scan = Scan[T]([], [], 0, 0)
    wanted: dict[bytes, str] = dict.fromkeys(failed, _UNREAD)
    if plan.odd:
        wanted |= dict.fromkeys(_elsewhere(plan, git, skip, known, scan.unread), _UNREAD)
    if not wanted:
        return scan
    scanner = make_scanner()
    for each in git.read(list(wanted)):
        if each.object_id not in wanted:
            continue
        try:
            scan = _look_into(each, scanner, limits, scan)
            del wanted[each.object_id]
        except Damaged as reason:
            wanted[each.object_id] = str(reason)  # it may come once more, and then whole
    scan.unread.extend(Unread(reason, object_id) for object_id, reason in wanted.items())
    return scan


def _elsewhere(
    plan: Plan,
    git: Git,
    skip: Container[bytes] | None,
    known: Sequence[Ids],
    unread: list[Unread],
) -> Iterator[bytes]:
    """Yield the ids of what the files that are understood do not hold."""
    loose = {object_id for object_id, _ in plan.loose}
    packed = [pack.index for pack in plan.all_packs]
    any_there = False
    try:
        for object_id in git.object_ids():
            if object_id in loose or any(index.find(object_id) is not None for index in packed):
                continue
            any_there = True
            skipped = skip is not None and object_id in skip
            if not skipped and all(table.find(object_id) is None for table in known):
                yield object_id
    except Damaged:
        any_there = False
    if not any_there:
        unread.extend(Unread(f"{reason}; git finds nothing there either") for reason in plan.odd)


def _look_into(each: GitObject, scanner: Scanner[T], limits: Limits, scan: Scan[T]) -> Scan[T]:
    kind = KINDS.get(each.kind)
    if kind is None or each.size > limits.largest:
        scan.unread.append(Unread("unknown type" if kind is None else "too large", each.object_id))
        return scan
    result = (
        scanner.whole(kind, b"".join(each.pieces))
        if each.size <= limits.whole
        else scanner.pieces(kind, iter(each.pieces))
    )
    if result is not None:
        scan.found.append((each.object_id, result))
    return scan._replace(objects=scan.objects + 1, size=scan.size + each.size)
