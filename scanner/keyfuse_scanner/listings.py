"""What a repository lists outside the walk over its commits: index, stash, tags, trees."""

from keyfuse_scanner import git, gitplaces
from keyfuse_scanner.errors import GitFailed
from keyfuse_scanner.git import Repository
from keyfuse_scanner.gitchanges import zsplit
from keyfuse_scanner.gitformat import parse_index, parse_listing


def commits(repository: Repository, *revisions: str) -> frozenset[str]:
    """Return the commits that some revisions reach."""
    return frozenset(git.run(repository, "rev-list", *revisions).decode("ascii").split())


def stash_commits(repository: Repository) -> frozenset[str]:
    """Return the commits that make up the stash: work tree, index and untracked files."""
    if not git.succeeds(repository, "rev-parse", "--verify", "--quiet", "refs/stash"):
        return frozenset()
    printed = git.run(
        repository, "log", "--walk-reflogs", "--no-show-signature", "--format=%H %P", "refs/stash"
    )
    rows = [line.split() for line in printed.decode("ascii").splitlines()]
    # The first parent is the commit the user was on.
    return frozenset(commit for row in rows for commit in (row[0], *row[2:]))


def index_paths(repository: Repository) -> dict[str, list[bytes]]:
    """Return the paths of each blob in the index; a bare repository has none."""
    paths: dict[str, list[bytes]] = {}
    try:
        printed = git.run(repository, "ls-files", "--stage", "-z", "--full-name", ":/")
    except GitFailed:
        return paths
    for object_id, _, path in parse_index(zsplit(printed)):
        paths.setdefault(object_id, []).append(path)
    return paths


def tagged_paths(repository: Repository) -> dict[str, bytes | None]:
    """Return the objects below refs that name no commit, with their paths, if they have any."""
    printed = git.run(
        repository, "for-each-ref", "--format=%(objecttype) %(*objecttype) %(objectname)"
    )
    rows = [line.rsplit(" ", 1) for line in printed.decode("ascii").splitlines()]
    tips = [object_id for kinds, object_id in rows if not kinds.strip().endswith("commit")]
    if not tips:
        return {}
    printed = git.run(
        repository, "rev-list", "--objects", "--missing=print", "--stdin", feed="\n".join(tips)
    )
    paths: dict[str, bytes | None] = {}
    for line in printed.split(b"\n")[:-1]:
        object_id, _, path = line.partition(b" ")
        paths[object_id.decode("ascii")] = path or None
    return paths


def tree_paths(repository: Repository, treeish: str) -> dict[bytes, str]:
    """Return object ids by path of all files in a commit."""
    printed = git.run(repository, "ls-tree", "-r", "-z", "--full-tree", treeish)
    return {path: object_id for object_id, path in parse_listing(zsplit(printed))}


def merge_heads(repository: Repository) -> list[str]:
    """Return the commits that a merge in progress brings, beside HEAD."""
    try:
        return gitplaces.location(repository, "MERGE_HEAD").read_text("ascii").split()
    except OSError:
        return []


def merge_bases(repository: Repository, one: str, other: str) -> list[str]:
    """Return the commits from which two commits went apart; none for unrelated histories."""
    try:
        return git.run(repository, "merge-base", "--all", one, other).decode("ascii").split()
    except GitFailed:
        return []
