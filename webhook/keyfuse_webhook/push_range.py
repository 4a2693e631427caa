"""What exactly a push brought: fetched into a mirror, as a range that the scanner understands.

The cheap way first: a push of n commits needs n + 1 generations. Where that shows more commits
than were pushed (a merge of an old branch, say), or history was rewritten, all of it is fetched,
and git itself says what is new.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from keyfuse_scanner import git
from keyfuse_scanner.errors import GitFailed
from keyfuse_scanner.git import Repository
from keyfuse_webhook.events import Push
from keyfuse_webhook.git_fetch import NoSuchObject
from keyfuse_webhook.github_names import is_zero

Fetch = Callable[[list[str], int | None], None]

# What git takes for "all generations", in a shallow repository or not.
_EVERYTHING = 2**31 - 1
_REMOTE_HEAD = "refs/keyfuse/HEAD"


class NewCommits(NamedTuple):
    """A range: what `tip` reaches and `base` does not; base is None where all of it is new."""

    base: str | None
    tip: str

    def __str__(self) -> str:
        return f"{self.base or '0' * 40}..{self.tip}"


def fetch_new(mirror: Path, push: Push, fetch: Fetch) -> NewCommits | None:
    """Fetch what a push brought; None where the pushed tip is not there any more.

    Args:
        mirror: A bare repository.
        push: What was pushed.
        fetch: Fetches refspecs with a depth, into the mirror.

    Raises:
        WebhookError: As `fetch` does.
    """
    repository = Repository(str(mirror))
    if _is_plain(push):
        found = _plain(repository, push, fetch)
        if found is not None:
            return found
    if not _try(fetch, [_keep(push.after)], _depth(repository)):
        return None
    return NewCommits(_base(repository, push, fetch), push.after)


def fetch_again(mirror: Path, new: NewCommits, fetch: Fetch) -> bool:
    """Fetch a range that was worked out before; False where it is not there any more.

    Raises:
        WebhookError: As `fetch` does.
    """
    repository = Repository(str(mirror))
    wanted = (commit for commit in (new.tip, new.base) if commit)
    missing = [commit for commit in wanted if not _has(repository, commit)]
    return all(_try(fetch, [_keep(commit)], _depth(repository)) for commit in missing)


def head_commit(mirror: Path, new: NewCommits) -> str | None:
    """The commit that stands for a range; None where it brings none or its tip is no commit."""
    repository = Repository(str(mirror))
    excluded = [f"^{new.base}"] if new.base else []
    try:
        counted = git.run(repository, "rev-list", "--count", "--max-count=1", new.tip, *excluded)
        named = git.run(repository, "rev-parse", "--verify", f"{new.tip}^{{commit}}")
    except GitFailed:
        return None
    return named.decode("ascii").strip() if int(counted) else None


def _is_plain(push: Push) -> bool:
    """Whether the payload tells how many commits came on top of the old tip."""
    return push.commits > 0 and not push.forced and not is_zero(push.before)


def _plain(repository: Repository, push: Push, fetch: Fetch) -> NewCommits | None:
    """The range of a push on top of the old tip; None where more must be known to be sure."""
    known = _has(repository, push.before)
    depth = None if known else push.commits + 1
    if not _try(fetch, [_keep(push.after)], depth):
        return None
    if not _has(repository, push.before) and not _try(fetch, [_keep(push.before)], 1):
        return None
    try:
        counted = git.run(repository, "rev-list", "--count", push.after, f"^{push.before}")
    except GitFailed:
        return None
    exact = int(counted) == push.commits
    return NewCommits(push.before, push.after) if exact else None


def _base(repository: Repository, push: Push, fetch: Fetch) -> str | None:
    """What was there before: the old tip, else the default branch."""
    if not is_zero(push.before) and _try(fetch, [_keep(push.before)], _depth(repository)):
        return push.before
    # The default branch is its own new tip by now: nothing would be new.
    if push.default or not _try(fetch, [f"+HEAD:{_REMOTE_HEAD}"], _depth(repository)):
        return None
    return git.run(repository, "rev-parse", "--verify", _REMOTE_HEAD).decode("ascii").strip()


def _try(fetch: Fetch, refspecs: list[str], depth: int | None) -> bool:
    try:
        fetch(refspecs, depth)
    except NoSuchObject:
        return False
    return True


def _keep(commit: str) -> str:
    """Fetch an id under a ref, so that the next fetch tells the server that we have it."""
    return f"+{commit}:refs/keyfuse/{commit}"


def _has(repository: Repository, commit: str) -> bool:
    return git.succeeds(repository, "cat-file", "-e", f"{commit}^{{object}}")


def _depth(repository: Repository) -> int | None:
    """How to ask for complete history: a shallow repository must be told to fill itself up."""
    shallow = git.run(repository, "rev-parse", "--is-shallow-repository").strip() == b"true"
    return _EVERYTHING if shallow else None
