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
        since: Seconds since 1970; what older commits have is left out.
    """
    if since is None:
        return list_objects(repository, tips)
    printed = git.run(
        repository,
        "rev-list",
        "--parents",
        f"--max-age={since}",
        "--stdin",
        feed="\n".join(tips),
    )
    rows = [line.split() for line in printed.decode("ascii").splitlines()]
    recent = {row[0] for row in rows}
    older = {parent for row in rows for parent in row[1:]} - recent
    if not recent:
        return Objects([], [])
    return list_objects(repository, [*recent, *(f"^{commit}" for commit in older)])


def ref_tips(repository: Repository) -> list[str]:
    """Return the objects that refs and HEAD name."""
    printed = git.run(repository, "rev-parse", "--all")
    tips = printed.decode("ascii").split()
    if git.succeeds(repository, "rev-parse", "--verify", "--quiet", "HEAD"):
        tips.append(resolve(repository, "HEAD"))
    return tips
