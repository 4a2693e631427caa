"""The ways to scan: each composes a source, the matching and, for git, attribution."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO

from keyfuse_scanner.errors import GitFailed
from keyfuse_scanner.examine import Examined, examine
from keyfuse_scanner.git import Repository
from keyfuse_scanner.introduced import introduced
from keyfuse_scanner.model import Document, Hit, Place, Unscanned
from keyfuse_scanner.scanning import Scanning

if TYPE_CHECKING:
    from keyfuse_scanner.sources.revisions import Range
    from keyfuse_scanner.sources.staged import Staged
    from keyfuse_scanner.storereading import Shard


def scan_files(scanning: Scanning, paths: Iterable[str]) -> Examined:
    """Scan files and folders of the work tree."""
    from keyfuse_scanner.sources import files

    return examine(
        files.documents(paths, max_size=scanning.max_size), scanning.matcher, every=scanning.every
    )


def scan_stdin(scanning: Scanning, stdin: BinaryIO) -> Examined:
    """Scan standard input."""
    from keyfuse_scanner.sources import stdin as source

    return examine(source.documents(stdin), scanning.matcher, every=scanning.every)


def scan_staged(
    scanning: Scanning, repository: Repository, changes: "Staged | None" = None
) -> Examined:
    """Scan what is about to be committed and report what HEAD does not have.

    Args:
        scanning: How.
        repository: Where.
        changes: What is staged, if that is known already.
    """
    from keyfuse_scanner.sources.staged import staged

    changes = staged(repository) if changes is None else changes
    paths = _paths_by_id(changes.new)
    names = (Document("file-name", path, None, (path,)) for path in changes.added)
    examined = examine(
        chain(_blobs(scanning, repository, paths, changes.contents), names),
        scanning.matcher,
        every=scanning.every,
    )
    examined = examined._replace(hits=_at_paths(examined.hits, paths))
    if not examined.hits:
        return examined
    old = changes.old
    if changes.merging:
        from keyfuse_scanner.listings import merge_heads

        old = old + _merged(repository, merge_heads(repository), examined.hits)
    return _without_old(
        scanning, repository, examined, old, deleted=changes.deleted, contents=changes.contents
    )


def scan_range(scanning: Scanning, repository: Repository, text: str) -> Examined:
    """Scan what commits bring and report what the old side of the range does not have."""
    from keyfuse_scanner.sources.revisions import resolve_range

    return scan_commits(scanning, repository, resolve_range(repository, text))


def scan_commits(scanning: Scanning, repository: Repository, wanted: "Range") -> Examined:
    """Scan a range of object ids; see `scan_range`."""
    from keyfuse_scanner.attribution import attribute, is_placed
    from keyfuse_scanner.sources.history import partial_documents
    from keyfuse_scanner.sources.revisions import list_objects

    if wanted.new is None:
        return Examined([], [], 0, 0)
    revisions = wanted.revisions
    listed = list_objects(repository, revisions)
    source = partial_documents(repository, listed, max_size=scanning.max_size)
    examined = examine(_with(wanted.unscanned, source), scanning.matcher, every=scanning.every)
    if not examined.hits:
        return examined
    attributed = attribute(repository, examined.hits, revisions, scanning.jobs)
    # The tree of a changed folder names files that nothing in the range touches.
    hits = [hit for hit in attributed.hits if hit.place != "file-name" or is_placed(hit)]
    unscanned = examined.unscanned + attributed.unscanned
    examined = examined._replace(hits=hits, unscanned=unscanned)
    return _without_old_trees(scanning, repository, examined, wanted)


def scan_commit(scanning: Scanning, repository: Repository, commit_id: str) -> Examined:
    """Scan the files of one commit, as it has them."""
    from keyfuse_scanner.listings import tree_paths

    tree = tree_paths(repository, commit_id)
    paths = _paths_by_id((object_id, path) for path, object_id in tree.items())
    names = (Document("file-name", path, None, (path,)) for path in tree)
    examined = examine(
        chain(_blobs(scanning, repository, paths, {}, "file"), names),
        scanning.matcher,
        every=scanning.every,
    )
    return examined._replace(hits=_at_paths(examined.hits, paths))


def scan_history(
    scanning: Scanning,
    repository: Repository,
    *,
    since: int | None = None,
    branch: str | None = None,
    shard: "Shard | None" = None,
) -> Examined:
    """Scan all objects or a shard of them, or those of commits since a time or on a branch."""
    from keyfuse_scanner.everything import examine_everything
    from keyfuse_scanner.sources import history
    from keyfuse_scanner.sources.revisions import resolve

    tips: list[str] | None = None
    if branch is not None:
        tips = [resolve(repository, branch)]
    elif since is not None:
        tips = history.ref_tips(repository)
    if tips is None:
        examined = examine_everything(scanning, repository, shard)
    else:
        listed = history.objects_since(repository, tips, since)
        source = history.partial_documents(repository, listed, max_size=scanning.max_size)
        examined = examine(source, scanning.matcher, every=scanning.every)
    if not examined.hits:
        return examined
    from keyfuse_scanner.attribution import attribute

    attributed = attribute(repository, examined.hits, tips, scanning.jobs)
    return examined._replace(
        hits=attributed.hits, unscanned=examined.unscanned + attributed.unscanned
    )


def _blobs(
    scanning: Scanning,
    repository: Repository,
    paths: dict[str, list[bytes]],
    contents: Mapping[str, bytes] = MappingProxyType({}),
    place: Place = "staged",
) -> Iterator[Document | Unscanned]:
    """Yield the blobs that have paths; those whose contents are at hand are not read again."""
    missing = []
    for object_id in paths:
        if object_id in contents:
            yield Document(place, None, object_id, (contents[object_id],))
        else:
            missing.append(object_id)
    if not missing:
        return
    from keyfuse_scanner.objects import read_objects

    for entry in read_objects(repository, missing, place=place, max_size=scanning.max_size):
        if isinstance(entry, Unscanned) and entry.object_id in paths:
            yield entry._replace(path=paths[entry.object_id][0])
        else:
            yield entry


def _paths_by_id(blobs: Iterable[tuple[str, bytes]]) -> dict[str, list[bytes]]:
    paths: dict[str, list[bytes]] = {}
    for object_id, path in blobs:
        paths.setdefault(object_id, []).append(path)
    return paths


def _at_paths(hits: Iterable[Hit], paths: dict[str, list[bytes]]) -> list[Hit]:
    """Return each hit of a blob once for each path of the blob."""
    return [
        placed
        for hit in hits
        for placed in (
            [hit._replace(path=path) for path in paths[hit.object_id]]
            if hit.object_id is not None
            else [hit]
        )
    ]


def _with(
    unscanned: Unscanned | None, source: Iterable[Document | Unscanned]
) -> Iterable[Document | Unscanned]:
    return chain([] if unscanned is None else [unscanned], source)


def _merged(
    repository: Repository, commits: Iterable[str], hits: Iterable[Hit]
) -> list[tuple[str, bytes]]:
    """Return what some commits have at the paths of hits."""
    from keyfuse_scanner.listings import tree_paths

    paths = {hit.path for hit in hits if hit.path is not None}
    trees = (tree_paths(repository, commit) for commit in commits)
    return [(tree[path], path) for tree in trees for path in paths & tree.keys()]


def _without_old_trees(
    scanning: Scanning, repository: Repository, examined: Examined, wanted: "Range"
) -> Examined:
    from keyfuse_scanner.listings import merge_bases, tree_paths

    if wanted.old is None or wanted.new is None:
        return examined
    try:
        before = tree_paths(repository, wanted.old)
        deleted = before.keys() - tree_paths(repository, wanted.new).keys()
        sides = [wanted.old, *wanted.others, *merge_bases(repository, wanted.old, wanted.new)]
        old = _merged(repository, sides, examined.hits)
    except GitFailed:
        return examined  # an old side that cannot be read hides nothing
    old += [(before[path], path) for path in deleted]
    known = [hit for hit in examined.hits if hit.place == "file-name" and _is_known(hit, before)]
    return _without_old(scanning, repository, examined, old, deleted=deleted, known=known)


def _is_known(hit: Hit, before: dict[bytes, str]) -> bool:
    """Return whether a file or folder of that name was there before."""
    path = hit.path or b""
    return path in before or any(name.startswith(path + b"/") for name in before)


def _without_old(
    scanning: Scanning,
    repository: Repository,
    examined: Examined,
    old: list[tuple[str, bytes]],
    *,
    deleted: Collection[bytes],
    known: Iterable[Hit] = (),
    contents: Mapping[str, bytes] = MappingProxyType({}),
) -> Examined:
    """Return what was examined without the hits that the old side has."""
    paths = _paths_by_id(old)
    old_side = examine(
        _blobs(scanning, repository, paths, contents),
        scanning.matcher,
        every=scanning.every,
    )
    old_hits = _at_paths(old_side.hits, paths)
    hits = introduced(examined.hits, [*old_hits, *known], deleted=deleted)
    return examined._replace(hits=hits)
