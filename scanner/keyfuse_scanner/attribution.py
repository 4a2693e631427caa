"""Say where in history hits stand: which commit brought them first, at which paths.

Done only when there are hits, in one pass over the commits however many hits there are; a second
pass looks where only reflogs and the stash lead.
"""

from collections.abc import Iterable
from typing import NamedTuple

from keyfuse_scanner.errors import GitFailed
from keyfuse_scanner.git import Repository
from keyfuse_scanner.listings import commits, index_paths, stash_commits, tagged_paths
from keyfuse_scanner.model import Hit, Place, Unscanned
from keyfuse_scanner.walk import Walk, walk

_REFS = ("--exclude=refs/stash", "--all")
_EVERYTHING = ("--reflog", "--all")
# Behind every commit of a walk.
_NOWHERE = 1


class Attributed(NamedTuple):
    """Hits with their places in history, and why some may lack theirs."""

    hits: list[Hit]
    unscanned: list[Unscanned]


def attribute(
    repository: Repository,
    hits: list[Hit],
    revisions: Iterable[str] | None = None,
    jobs: int | None = None,
) -> Attributed:
    """Return the hits of history with path, commit and place; one hit for each path.

    Args:
        repository: Where the hits come from.
        hits: Hits in blobs, trees, commits, tags and names of refs.
        revisions: The commits that count (object ids, `^` excludes), or None for all there are.
        jobs: Processes at most; None is one for each core.
    """
    if not hits:
        return Attributed([], [])
    try:
        if revisions is None:
            return _attribute_everywhere(repository, hits, jobs)
        return _attribute(repository, hits, ("--stdin",), jobs, revisions)
    except GitFailed as failure:
        return Attributed(hits, [_unknown(str(failure))])


def is_placed(hit: Hit) -> bool:
    """Return whether it is known where in history a hit stands."""
    return hit.rank != _NOWHERE or hit.place in {"tag-message", "ref-name"}


def _attribute_everywhere(repository: Repository, hits: list[Hit], jobs: int | None) -> Attributed:
    found, unscanned = _attribute(repository, hits, _REFS, jobs)
    notes = commits(repository, "--glob=refs/notes/*")
    placed = [_renamed(hit, notes, "note") for hit in found if is_placed(hit)]
    rest = [hit for hit in found if not is_placed(hit)]
    if rest:
        found, _ = _attribute(repository, rest, _EVERYTHING, jobs)
        stash = stash_commits(repository)
        placed += [_renamed(hit, stash, "stash") for hit in found if is_placed(hit)]
        rest = [hit for hit in found if not is_placed(hit)]
    return Attributed(placed + (_elsewhere(repository, rest) if rest else []), unscanned)


def _attribute(
    repository: Repository,
    hits: list[Hit],
    arguments: tuple[str, ...],
    jobs: int | None,
    feed: Iterable[str] = (),
) -> Attributed:
    found = walk(
        repository,
        arguments,
        object_ids=frozenset(
            hit.object_id for hit in hits if hit.place == "file" and hit.object_id
        ),
        names=frozenset(_raw(hit) for hit in hits if hit.place == "file-name"),
        feed=feed,
        jobs=jobs,
    )
    unscanned = [_unknown(found.failure)] if found.failure else []
    return Attributed([placed for hit in hits for placed in _places(hit, found)], unscanned)


def _unknown(reason: str) -> Unscanned:
    return Unscanned(f"commits of some findings are not known: {reason}")


def _raw(hit: Hit) -> bytes:
    return hit.secret.reveal().encode("latin-1")


def _places(hit: Hit, found: Walk) -> list[Hit]:
    """Return the hit once for each path of its object; or itself, where it has none."""
    if hit.place == "file-name":
        introductions = found.names.get(_raw(hit), {})
    elif hit.place == "file":
        introductions = found.objects.get(hit.object_id or "", {})
    else:
        commit_id = hit.commit.commit_id if hit.commit else None
        return [hit._replace(rank=found.ranks.get(commit_id or "", _NOWHERE))]
    return [
        hit._replace(path=path, commit=introduction.commit, rank=introduction.rank)
        for path, introduction in introductions.items()
    ] or [hit._replace(rank=_NOWHERE)]


def _renamed(hit: Hit, of_commits: frozenset[str], place: Place) -> Hit:
    """Return the hit with another place, if it stands in a file of one of the commits."""
    if hit.place == "file" and hit.commit and hit.commit.commit_id in of_commits:
        return hit._replace(place=place)
    return hit


def _elsewhere(repository: Repository, hits: list[Hit]) -> list[Hit]:
    """Place hits that no commit holds: in the index, under a tag of a blob or tree, or nowhere."""
    index = index_paths(repository)
    tagged = tagged_paths(repository)
    placed = []
    for hit in hits:
        object_id = hit.object_id or ""
        if hit.place == "file" and object_id in index:
            placed += [hit._replace(place="index", path=path) for path in index[object_id]]
        elif hit.place == "file" and object_id in tagged:
            placed.append(hit._replace(path=tagged[object_id]))
        elif hit.place == "file-name":
            placed.append(hit)
        else:
            placed.append(hit._replace(place="unreachable"))
    return placed
