"""The ways to scan: each composes a source, the matching and, for git, attribution."""

from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from keyfuse_scanner.blobs import at_paths, blobs, paths_by_id
from keyfuse_scanner.examine import Examined, examine
from keyfuse_scanner.git import Repository
from keyfuse_scanner.model import Document, Unscanned
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
    paths = paths_by_id(changes.new)
    names = (Document("file-name", path, None, (path,)) for path in changes.added)
    examined = examine(
        chain(blobs(scanning, repository, paths, changes.contents), names),
        scanning.matcher,
        every=scanning.every,
    )
    examined = examined._replace(hits=at_paths(examined.hits, paths))
    if not examined.hits:
        return examined
    from keyfuse_scanner.old_side import introduced_by_staged

    return introduced_by_staged(scanning, repository, examined, changes)


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
    from keyfuse_scanner.old_side import introduced_by_range

    return introduced_by_range(scanning, repository, examined, wanted)


def scan_commit(scanning: Scanning, repository: Repository, commit_id: str) -> Examined:
    """Scan the files of one commit, as it has them."""
    from keyfuse_scanner.listings import tree_paths

    tree = tree_paths(repository, commit_id)
    paths = paths_by_id((object_id, path) for path, object_id in tree.items())
    names = (Document("file-name", path, None, (path,)) for path in tree)
    examined = examine(
        chain(blobs(scanning, repository, paths, {}, "file"), names),
        scanning.matcher,
        every=scanning.every,
    )
    return examined._replace(hits=at_paths(examined.hits, paths))


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


def _with(
    unscanned: Unscanned | None, source: Iterable[Document | Unscanned]
) -> Iterable[Document | Unscanned]:
    return chain([] if unscanned is None else [unscanned], source)
