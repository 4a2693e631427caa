"""What is about to be committed: whole new blobs from the index, not the text of a diff."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from keyfuse_scanner import git
from keyfuse_scanner.errors import GitFailed
from keyfuse_scanner.git import Repository
from keyfuse_scanner.gitchanges import GITLINK, Change, parse_changes, zsplit

DIFF = (
    *("diff-index", "--cached", "--raw", "-z", "--no-abbrev", "--no-renames", "--no-relative"),
    *("--no-ext-diff", "--no-textconv"),
)
# The id of the empty tree, by the length of ids in the repository.
_EMPTY_TREES = (
    "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
)


class Staged(NamedTuple):
    """The staged side of a repository.

    Attributes:
        new: Object id and path of each blob that the commit would bring.
        old: The same of what these commits replace: changed and deleted files in HEAD.
        added: Paths that are not in HEAD.
        deleted: Paths that are in HEAD only.
        contents: Of the blobs that were read already, by id.
        merging: False where it is known already that no merge is in progress.
    """

    new: list[tuple[str, bytes]]
    old: list[tuple[str, bytes]]
    added: list[bytes]
    deleted: frozenset[bytes]
    contents: Mapping[str, bytes] = MappingProxyType({})
    merging: bool = True


def staged(repository: Repository) -> Staged:
    """Return what is staged, compared with HEAD or, before the first commit, with nothing."""
    changes = parse_staged(_diff(repository))
    found = staged_side(changes)
    unmerged = unmerged_paths(changes)
    return found._replace(new=found.new + _sides(repository, unmerged)) if unmerged else found


def parse_staged(printed: bytes) -> list[Change]:
    """Return the changes in what the command `DIFF` printed."""
    return [entry for entry in parse_changes(zsplit(printed)) if isinstance(entry, Change)]


def staged_side(changes: Iterable[Change]) -> Staged:
    """Return the sides of changes, without those of files in conflict, which have several."""
    changes = list(changes)
    return Staged(
        new=[
            (change.new_id, change.path)
            for change in changes
            if change.new_id is not None and change.new_mode != GITLINK
        ],
        old=[(change.old_id, change.path) for change in changes if change.old_id is not None],
        added=[change.path for change in changes if change.status == b"A"],
        deleted=frozenset(change.path for change in changes if change.status == b"D"),
    )


def unmerged_paths(changes: Iterable[Change]) -> set[bytes]:
    """Return the paths of files in conflict."""
    return {change.path for change in changes if change.status == b"U"}


def _diff(repository: Repository) -> bytes:
    try:
        return git.run(repository, *DIFF, "HEAD", "--")
    except GitFailed:
        if git.succeeds(repository, "rev-parse", "--verify", "--quiet", "HEAD"):
            raise
    object_format = git.run(repository, "rev-parse", "--show-object-format").strip()
    empty = _EMPTY_TREES[object_format == b"sha256"]
    return git.run(repository, *DIFF, empty, "--")


def _sides(repository: Repository, unmerged: set[bytes]) -> list[tuple[str, bytes]]:
    """Return both sides of files in conflict; stage 1 is their common ancestor."""
    from keyfuse_scanner.gitformat import parse_index

    listed = git.run(repository, "ls-files", "--unmerged", "-z", "--full-name", ":/")
    return [
        (object_id, path)
        for object_id, stage, path in parse_index(zsplit(listed))
        if stage > 1 and path in unmerged
    ]
