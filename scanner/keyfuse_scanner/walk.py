"""One pass over the commits: which of them hold which objects and names, and in what order."""

from collections.abc import Iterable
from functools import partial
from typing import IO, NamedTuple, TypeVar

from keyfuse_scanner import gitstreams
from keyfuse_scanner.cores import cores
from keyfuse_scanner.git import Repository
from keyfuse_scanner.gitchanges import LOG_FORMAT, Change, parse_changes, read_tokens
from keyfuse_scanner.model import Commit

# A merge is compared with its first parent (-m --first-parent, which chooses no commits here): what
# only the merge brought differs from that one too. --root shows what the first commit did.
_RAW = (
    *("--raw", "-z", "-m", "--first-parent", "--root"),
    *("--no-abbrev", "--no-renames", "--no-relative"),
)
_SAFELY = (
    "--no-ext-diff",
    "--no-textconv",
    "--no-show-signature",
    "--encoding=UTF-8",
    "-O/dev/null",
)
# As many objects git is told to look for; of more it tells all changes.
_FILTERED = 500
# So many commits are worth a process of their own; newer ones take longer, so there are more parts
# than processes at a time.
_AT_LEAST = 2000
_PARTS_PER_JOB = 4


_Thing = TypeVar("_Thing", str, bytes)


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
    jobs: int | None = None,
) -> Walk:
    """Walk the commits that some revisions reach, in several processes where they are many.

    Args:
        repository: Where.
        revisions: Arguments of `git rev-list` that choose commits.
        object_ids: The blobs whose paths are wanted.
        names: The texts whose paths are wanted.
        feed: More revisions, for `--stdin` among the arguments.
        jobs: Processes at most; None is one for each core.
    """
    order, failure = _in_order(repository, revisions, feed)
    found = Walk({}, {}, {commit: -place for place, commit in enumerate(order)}, failure)
    if not object_ids and not names:
        return found
    arguments = (
        "--no-walk=unsorted",
        "--stdin",
        *_RAW,
        *_SAFELY,
        f"--format={LOG_FORMAT}",
    )
    from concurrent.futures import ThreadPoolExecutor

    jobs = jobs or cores()
    wanted = _Wanted(object_ids, names)
    with ThreadPoolExecutor(jobs) as threads:
        look = partial(_look_into, repository, arguments, found, wanted)
        for part in threads.map(look, _parts(order, jobs)):
            # From new to old: the last one to tell is the earliest.
            _add(found.objects, part.objects)
            _add(found.names, part.names)
            failure = failure or part.failure
    return found._replace(failure=failure)


class _Wanted(NamedTuple):
    object_ids: frozenset[str]
    names: frozenset[bytes]

    @property
    def filter(self) -> tuple[str, ...]:
        """What makes git tell nothing else, as far as it can."""
        if self.names or len(self.object_ids) > _FILTERED:
            return ()
        return tuple(f"--find-object={each}" for each in sorted(self.object_ids))


def _look_into(
    repository: Repository,
    arguments: tuple[str, ...],
    whole: Walk,
    wanted: _Wanted,
    commits: list[str],
) -> Walk:
    def told(only: tuple[str, ...]) -> Walk:
        found = whole._replace(objects={}, names={})
        with gitstreams.stream(repository, "log", *arguments, *only, feed=commits) as process:
            _note(process.stdout, found, wanted)
            return found._replace(failure=_said(process))

    found = told(wanted.filter)
    # To look for an object git opens changed files, which a partial clone may lack.
    return told(()) if found.failure and wanted.filter else found


def _add(
    found: dict[_Thing, dict[bytes, Introduction]], more: dict[_Thing, dict[bytes, Introduction]]
) -> None:
    for thing, introductions in more.items():
        found.setdefault(thing, {}).update(introductions)


def _in_order(
    repository: Repository, revisions: Iterable[str], feed: Iterable[str]
) -> tuple[list[str], str | None]:
    """Return commits from new to old, and why git broke off, or None."""
    arguments = ("--date-order", *revisions)
    with gitstreams.stream(repository, "rev-list", *arguments, feed=feed) as process:
        order = process.stdout.read().decode("ascii").split()
        return order, _said(process)


def _said(process: gitstreams.Stream) -> str | None:
    failure = process.failure()
    return str(failure) if failure else None


def _parts(order: list[str], jobs: int) -> list[list[str]]:
    """Share commits out; neighbours stay together, as git then finds much at hand."""
    size = max(_AT_LEAST, -(-len(order) // (jobs * _PARTS_PER_JOB)))
    return [order[begin : begin + size] for begin in range(0, len(order), size)]


def _note(stdout: IO[bytes], found: Walk, wanted: _Wanted) -> None:
    commit = Commit(None, b"", None)
    for entry in parse_changes(read_tokens(stdout)):
        if not isinstance(entry, Change):
            commit = Commit(entry.commit_id, entry.author, entry.when)
        elif entry.new_id is not None:
            introduction = Introduction(commit, found.ranks[commit.commit_id or ""])
            # The log runs from new to old: the last one to write is the earliest.
            if entry.new_id in wanted.object_ids:
                found.objects.setdefault(entry.new_id, {})[entry.path] = introduction
            for name in wanted.names:
                if name in entry.path:
                    path = _up_to(name, entry.path)
                    found.names.setdefault(name, {})[path] = introduction


def _up_to(name: bytes, path: bytes) -> bytes:
    """Return the path as far as the component that holds the name: a folder is named once."""
    end = path.find(b"/", path.index(name) + len(name))
    return path if end < 0 else path[:end]
