"""Everything a repository holds, or the part of it that some commits brought."""

from collections.abc import Iterator
from pathlib import Path

from keyfuse_scanner import git
from keyfuse_scanner.git import Repository
from keyfuse_scanner.model import Document, Unscanned
from keyfuse_scanner.objects import read_objects
from keyfuse_scanner.sources.revisions import (
    Objects,
    commits_in,
    list_objects,
    resolve,
    shallow_commits,
)


def cut_off(shallow: Path) -> list[Unscanned]:
    """Return where history ends because the clone is a shallow one, by the file that says so."""
    cut = commits_in(shallow)
    reason = "history is cut off here: shallow clone"
    return [Unscanned(reason, object_id=min(cut))] if cut else []


def partial_documents(
    repository: Repository, objects: Objects, *, max_size: int | None = None
) -> Iterator[Document | Unscanned]:
    """Yield listed objects, what is missing of them, and where a shallow clone cuts them off."""
    yield from objects.unscanned
    yield from read_objects(repository, objects.ids, max_size=max_size)
    cut = shallow_commits(repository).intersection(objects.ids)
    for commit_id in sorted(cut):
        yield Unscanned("history is cut off here: shallow clone", object_id=commit_id)


def objects_since(repository: Repository, tips: list[str], since: int | None) -> Objects:
    """Return the objects that commits brought.

    Args:
        repository: Where.
        tips: Object ids from which commits are reached.
        since: Seconds since 1970; what older commits have is left out, unless newer ones precede
            them.
    """
    if since is None:
        return list_objects(repository, tips)
    parents = _recent(repository, tips, since)
    older = {parent for row in parents.values() for parent in row} - parents.keys()
    if not parents:
        return Objects([], [])
    return list_objects(repository, [*parents, *(f"^{commit}" for commit in older)])


def _recent(repository: Repository, tips: list[str], since: int) -> dict[str, list[str]]:
    """Return the commits since a time, and all that came after one of them, with their parents.

    Whoever makes a commit chooses its date: an old one does not hide what is below it, nor itself.
    """
    arguments = ("--parents", "--timestamp", "--topo-order", "--reverse", "--stdin")
    printed = git.run(repository, "rev-list", *arguments, feed="\n".join(tips))
    recent: dict[str, list[str]] = {}
    for line in printed.decode("ascii").splitlines():
        when, commit, *parents = line.split()
        if int(when) >= since or not recent.keys().isdisjoint(parents):
            recent[commit] = parents
    return recent


def ref_tips(repository: Repository) -> list[str]:
    """Return the objects that refs and HEAD name."""
    printed = git.run(repository, "rev-parse", "--all")
    tips = printed.decode("ascii").split()
    if git.succeeds(repository, "rev-parse", "--verify", "--quiet", "HEAD"):
        tips.append(resolve(repository, "HEAD"))
    return tips
