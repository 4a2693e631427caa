"""Ranges and revisions that the user names, as object ids."""

import re
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from keyfuse_scanner import git, gitplaces
from keyfuse_scanner.errors import GitFailed, NoSuchRevision
from keyfuse_scanner.git import Repository
from keyfuse_scanner.model import Unscanned
from keyfuse_scanner.printable import harmless

_ZERO_ID = re.compile("0{40}(?:0{24})?").fullmatch
_WHOLE_ID = re.compile("[0-9a-f]{40}(?:[0-9a-f]{24})?").fullmatch
_UNSCANNED_SHOWN = 100


class Range(NamedTuple):
    """The two sides of a range, as object ids.

    Attributes:
        old: Its objects are known; None where there is no old side (a new branch).
        new: What is to be scanned; None where a branch was deleted, or nothing is new.
        unscanned: Set where the old side is not in this clone.
        others: More old sides, where what is new branches off in several places.
    """

    old: str | None
    new: str | None
    unscanned: Unscanned | None = None
    others: tuple[str, ...] = ()

    @property
    def revisions(self) -> list[str]:
        """The range as `git rev-list` takes it."""
        known = [side for side in (self.old, *self.others) if side is not None]
        return [*([self.new] if self.new else []), *(f"^{side}" for side in known)]


class Objects(NamedTuple):
    """Ids of objects, and those of them that are not there."""

    ids: list[str]
    unscanned: list[Unscanned]


def parse_range(text: str) -> tuple[str, str]:
    """Return both sides of `A..B` or `A...B`; a side left out is HEAD, as in git.

    Both forms mean what B has and A has not.

    Raises:
        NoSuchRevision: the text is no range.
    """
    old, dots, new = text.partition("..")
    new = new.removeprefix(".")
    if not dots or ".." in new:
        raise NoSuchRevision(f"{harmless(text)}: not a range; write A..B or A...B")
    return old or "HEAD", new or "HEAD"


def resolve_range(repository: Repository, text: str) -> Range:
    """Return a range as object ids. Zero ids, as git gives them to hooks, mean no such side.

    Raises:
        NoSuchRevision: the text is no range, or a side of it is not in the repository. An old
            side given as whole id may be absent: a force push or a shallow clone leaves it behind.
    """
    old_name, new_name = parse_range(text)
    new = None if _ZERO_ID(new_name) else resolve(repository, new_name)
    if _ZERO_ID(old_name):
        return Range(None, new)
    try:
        return Range(resolve(repository, old_name), new)
    except NoSuchRevision:
        if not _WHOLE_ID(old_name):
            raise
    reason = "the old side of the range is not in this clone; fetch it, then scan again"
    return Range(None, new, Unscanned(reason, object_id=old_name))


def new_range(repository: Repository, tip: str, *known: str) -> Range:
    """Return what a tip brings that some refs do not have.

    Args:
        repository: Where.
        tip: Object id of a commit or a tag.
        known: Options of `git rev-list` that choose refs, such as `--all`.

    Raises:
        NoSuchRevision: the tip is not there.
    """
    try:
        commit = resolve(repository, f"{tip}^{{commit}}")
    except NoSuchRevision:
        return Range(None, resolve(repository, tip))  # a tag of a blob or a tree
    printed = git.run(repository, "rev-list", "--boundary", commit, "--not", *known)
    sides = [line[1:] for line in printed.decode("ascii").split() if line.startswith("-")]
    if not printed:
        # The commit is known; a tag that points at it may be new.
        return Range(commit, None if tip == commit else resolve(repository, tip))
    return Range(sides[0] if sides else None, resolve(repository, tip), others=tuple(sides[1:]))


def resolve(repository: Repository, name: str) -> str:
    """Return the id of the object that a revision names.

    Raises:
        NoSuchRevision: there is none.
    """
    try:
        # The braces make git look the object up; a whole id alone it takes on trust.
        printed = git.run(
            repository, "rev-parse", "--verify", "--quiet", "--end-of-options", name + "^{object}"
        )
        found = printed.decode("ascii").strip()
    except GitFailed:
        found = ""
    # `^name` is a revision, too, but what it names is left out.
    if not _WHOLE_ID(found):
        raise NoSuchRevision(f"{harmless(name)}: no such revision in this repository")
    return found


def list_objects(repository: Repository, revisions: Iterable[str]) -> Objects:
    """Return the commits, tags, trees and blobs that `git rev-list` reaches by some revisions.

    Args:
        repository: Where.
        revisions: Object ids, with `^` in front of those whose objects are left out.
    """
    arguments = ("--objects", "--no-object-names", "--missing=print", "--stdin")
    try:
        printed = git.run(repository, "rev-list", *arguments, feed="\n".join(revisions))
        lines = printed.decode("ascii").split("\n")
    except GitFailed as failure:
        return Objects([], [Unscanned(str(failure))])
    present = [line for line in lines if line and not line.startswith("?")]
    return Objects(present, missing_objects(lines))


def missing_objects(lines: list[str]) -> list[Unscanned]:
    """Return what `rev-list --missing=print` marks with `?`; a wall of them is summed up."""
    missing = (line[1:] for line in lines if line.startswith("?"))
    unscanned = (Unscanned("missing object", object_id=object_id) for object_id in missing)
    return summed_up(unscanned, "objects are missing")


def summed_up(unscanned: Iterable[Unscanned], what: str) -> list[Unscanned]:
    """Return the first of many, and how many more there are."""
    iterator = iter(unscanned)
    shown = list(islice(iterator, _UNSCANNED_SHOWN))
    more = sum(1 for _ in iterator)
    return [*shown, Unscanned(f"{more} more {what}")] if more else shown


def shallow_commits(repository: Repository) -> frozenset[str]:
    """Return the commits at which a shallow clone cuts history off."""
    return commits_in(gitplaces.location(repository, "shallow"))


def commits_in(shallow: Path) -> frozenset[str]:
    """Return the commits in a file; none where there is no file."""
    try:
        text = shallow.read_text("ascii")
    except OSError:
        return frozenset()
    return frozenset(text.split())
