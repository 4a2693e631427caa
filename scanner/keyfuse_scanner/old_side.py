"""The old side of a change: it is read once the new side gave hits, and hides those it has."""

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from keyfuse_scanner.blobs import at_paths, blobs, paths_by_id
from keyfuse_scanner.errors import GitFailed
from keyfuse_scanner.examine import Examined, examine
from keyfuse_scanner.git import Repository
from keyfuse_scanner.introduced import introduced
from keyfuse_scanner.model import Hit
from keyfuse_scanner.scanning import Scanning

if TYPE_CHECKING:
    from keyfuse_scanner.sources.revisions import Range
    from keyfuse_scanner.sources.staged import Staged


def introduced_by_staged(
    scanning: Scanning, repository: Repository, examined: Examined, changes: "Staged"
) -> Examined:
    """Return what was examined without the hits that HEAD, or what is being merged, has."""
    old = changes.old
    if changes.merging:
        from keyfuse_scanner.listings import merge_heads

        old = old + _at_paths_of(examined.hits, repository, merge_heads(repository))
    return _without(
        old,
        scanning,
        repository,
        examined,
        deleted=changes.deleted,
        contents=changes.contents,
    )


def introduced_by_range(
    scanning: Scanning, repository: Repository, examined: Examined, wanted: "Range"
) -> Examined:
    """Return what was examined without the hits that the old side of a range has."""
    from keyfuse_scanner.listings import merge_bases, tree_paths

    if wanted.old is None or wanted.new is None:
        return examined
    try:
        before = tree_paths(repository, wanted.old)
        deleted = before.keys() - tree_paths(repository, wanted.new).keys()
        sides = [wanted.old, *wanted.others, *merge_bases(repository, wanted.old, wanted.new)]
        old = _at_paths_of(examined.hits, repository, sides)
    except GitFailed:
        return examined  # an old side that cannot be read hides nothing
    old += [(before[path], path) for path in deleted]
    known = [hit for hit in examined.hits if hit.place == "file-name" and _is_known(hit, before)]
    return _without(old, scanning, repository, examined, deleted=deleted, known=known)


def _at_paths_of(
    hits: Iterable[Hit], repository: Repository, commits: Iterable[str]
) -> list[tuple[str, bytes]]:
    """Return what some commits have at the paths of hits."""
    from keyfuse_scanner.listings import tree_paths

    paths = {hit.path for hit in hits if hit.path is not None}
    trees = (tree_paths(repository, commit) for commit in commits)
    return [(tree[path], path) for tree in trees for path in paths & tree.keys()]


def _is_known(hit: Hit, before: dict[bytes, str]) -> bool:
    """Return whether a file or folder of that name was there before."""
    path = hit.path or b""
    return path in before or any(name.startswith(path + b"/") for name in before)


def _without(
    old: list[tuple[str, bytes]],
    scanning: Scanning,
    repository: Repository,
    examined: Examined,
    *,
    deleted: Collection[bytes],
    known: Iterable[Hit] = (),
    contents: Mapping[str, bytes] = MappingProxyType({}),
) -> Examined:
    """Return what was examined without the hits that some blobs have at their paths."""
    paths = paths_by_id(old)
    had = examine(
        blobs(scanning, repository, paths, contents),
        scanning.matcher,
        every=scanning.every,
    )
    old_hits = at_paths(had.hits, paths)
    hits = introduced(examined.hits, [*old_hits, *known], deleted=deleted)
    return examined._replace(hits=hits)
