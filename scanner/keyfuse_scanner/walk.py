"""One pass over `git log`: which commits hold which objects and names, and in what order."""

from collections.abc import Iterable
from typing import NamedTuple

from keyfuse_scanner import gitstreams
from keyfuse_scanner.git import Repository
from keyfuse_scanner.gitchanges import LOG_FORMAT, Change, parse_changes, read_tokens
from keyfuse_scanner.model import Commit

# -m shows what only a merge brought; --root what the first commit did, whatever is configured.
_RAW = ("--raw", "-z", "-m", "--root", "--no-abbrev", "--no-renames", "--no-relative")
_SAFELY = (
    "--no-ext-diff",
    "--no-textconv",
    "--no-show-signature",
    "--encoding=UTF-8",
    "-O/dev/null",
)


class Introduction(NamedTuple):
    """The earliest commit that holds something at a path; the smaller the rank, the earlier."""

    commit: Commit
    rank: int


class Walk(NamedTuple):
    """What one pass over the commits found.

    Attributes:
        objects: By object id: the paths at which commits hold it.
        names: By text looked for in names: the paths that hold it.
        ranks: By commit id, of all commits.
        failure: Why git broke off, or None.
    """

    objects: dict[str, dict[bytes, Introduction]]
    names: dict[bytes, dict[bytes, Introduction]]
    ranks: dict[str, int]
    failure: str | None


def walk(
    repository: Repository,
    revisions: Iterable[str],
    *,
    object_ids: frozenset[str],
    names: frozenset[bytes],
    feed: Iterable[str] = (),
) -> Walk:
    """Walk the commits that some revisions reach.

    Args:
        repository: Where.
        revisions: Arguments of `git log` that choose commits.
        object_ids: The blobs whose paths are wanted.
        names: The texts whose paths are wanted.
        feed: More revisions, for `--stdin` among the arguments.
    """
    found = Walk({}, {}, {}, None)
    commit = Commit(None, b"", None)
    arguments = (*_RAW, *_SAFELY, "--date-order", f"--format={LOG_FORMAT}", *revisions)
    with gitstreams.stream(repository, "log", *arguments, feed=feed) as process:
        for entry in parse_changes(read_tokens(process.stdout)):
            if not isinstance(entry, Change):
                commit = Commit(entry.commit_id, entry.author, entry.when)
                found.ranks.setdefault(entry.commit_id, -len(found.ranks))
            elif entry.new_id is not None:
                introduction = Introduction(commit, found.ranks[commit.commit_id or ""])
                # The log runs from new to old: the last one to write is the earliest.
                if entry.new_id in object_ids:
                    found.objects.setdefault(entry.new_id, {})[entry.path] = introduction
                for name in names:
                    if name in entry.path:
                        path = _up_to(name, entry.path)
                        found.names.setdefault(name, {})[path] = introduction
        failure = process.failure()
    return found._replace(failure=str(failure) if failure else None)


def _up_to(name: bytes, path: bytes) -> bytes:
    """Return the path as far as the component that holds the name: a folder is named once."""
    end = path.find(b"/", path.index(name) + len(name))
    return path if end < 0 else path[:end]
