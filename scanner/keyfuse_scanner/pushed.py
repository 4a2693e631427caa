"""What a push brings, as git tells its hooks (githooks(5), pre-push and pre-receive)."""

import os
from collections.abc import Iterable
from typing import NamedTuple

from keyfuse_scanner.examine import Examined, examine
from keyfuse_scanner.git import Repository
from keyfuse_scanner.model import Document
from keyfuse_scanner.modes import scan_commits
from keyfuse_scanner.scanning import Scanning
from keyfuse_scanner.sources.revisions import new_range


class Update(NamedTuple):
    """What a push does to a ref: ids of what it was and will be, zeros where there is none."""

    old: str
    new: str
    ref: str


def sent(lines: Iterable[str]) -> list[Update]:
    """Return what a client is about to do, from `<local ref> <local id> <remote ref> <remote id>`.

    A local ref may be an expression with spaces in it, and white space beyond ASCII is part of a
    name. What is no such line is left out.
    """
    rows = [line.rstrip("\n").rsplit(" ", 3) for line in lines]
    return [Update(row[3], row[1], row[2]) for row in rows if len(row) == 4]  # noqa: PLR2004 - the four fields above


def received(lines: Iterable[str]) -> list[Update]:
    """Return what a server is asked to do, from `<old id> <new id> <ref>`; see `sent`."""
    rows = [line.rstrip("\n").split(" ", 2) for line in lines]
    return [Update(*row) for row in rows if len(row) == 3]  # noqa: PLR2004 - the three fields above


def scan_updates(scanning: Scanning, updates: Iterable[Update], *known: str) -> Examined:
    """Scan all that is new to some refs, and the names of new ones; deleted ones bring nothing.

    Args:
        scanning: How.
        updates: The refs.
        known: Options of `git rev-list` that choose the refs of which nothing is new.
    """
    brought = [update for update in updates if not _is_zero(update.new)]
    names = [os.fsencode(update.ref) for update in brought if _is_zero(update.old)]
    repository = Repository()
    parts = [
        scan_commits(scanning, repository, new_range(repository, tip, *known))
        for tip in dict.fromkeys(update.new for update in brought)
    ]
    refs = (Document("ref-name", None, None, (name,)) for name in names)
    of_names = examine(refs, scanning.matcher, every=scanning.every)
    return Examined(
        [hit for part in (*parts, of_names) for hit in part.hits],
        [entry for part in (*parts, of_names) for entry in part.unscanned],
        sum(part.objects for part in parts),
        sum(part.size for part in parts),
    )


def _is_zero(object_id: str) -> bool:
    return not object_id.strip("0")
