"""Complete a checkout: a depth of one commit is what a workflow begins with.

Nothing that is there is ever cut off again; later steps of the workflow may count on it.
"""

from collections.abc import Iterable
from typing import NamedTuple

from keyfuse_scanner import git
from keyfuse_scanner.action.event import Plan
from keyfuse_scanner.action.remote import Remote, branch_tip, fetch
from keyfuse_scanner.errors import GitFailed
from keyfuse_scanner.git import Repository
from keyfuse_scanner.model import Unscanned
from keyfuse_scanner.sources.revisions import Range, shallow_commits

_EVERYTHING = (
    "+refs/heads/*:refs/remotes/origin/*",
    "+refs/tags/*:refs/tags/*",
    "+refs/notes/*:refs/notes/*",
)
# How many commits to ask for more, one time after the other; then for all there are.
_STEPS = (1, 8, 64)
_LEAST, _MOST = 20, 2_048


class Brought(NamedTuple):
    """A range whose commits are there, and what to say about it."""

    range: Range
    note: str | None = None


def parents_of(repository: Repository, commit_id: str) -> tuple[str, ...]:
    """Return the parents that a commit names, whether they are there or not."""
    try:
        head = git.run(repository, "cat-file", "commit", commit_id).partition(b"\n\n")[0]
    except GitFailed:
        return ()
    # Only bytes: names of people may hold what Python takes for the end of a line.
    fields = [line.partition(b" ") for line in head.split(b"\n")]
    return tuple(value.decode("ascii") for name, _, value in fields if name == b"parent")


def bring_range(repository: Repository, source: Remote, plan: Plan) -> Brought:
    """Return the range of a plan, after fetching what the checkout lacks of it.

    What cannot be had is said in the range and makes the scan incomplete, unless more is scanned
    in its stead: where the old commit is gone, all that its branch does not share with the base.
    """
    lost = _bring(repository, source, plan.new)
    if lost:
        return Brought(Range(None, None, Unscanned(lost, object_id=plan.new)))
    olds = [old for old in plan.olds if not _bring(repository, source, old)]
    base, note = plan.base, None
    if plan.olds and not olds:
        base = plan.base_if_lost
        known = f"what {base} does not have" if base else "all of its history"
        note = f"the commit before is not to be had any more, so {known} was scanned"
    if base is not None:
        olds += _tip(repository, source, base)
    reason = _deepen(repository, source, plan.new, olds, plan.commits)
    unscanned = Unscanned(reason, object_id=plan.new) if reason else None
    old = olds[0] if olds else None
    return Brought(Range(old, plan.new, unscanned, tuple(olds[1:])), note)


def bring_history(repository: Repository, source: Remote) -> list[Unscanned]:
    """Fetch all branches, tags and notes; return what could not be had."""
    options = ["--unshallow"] if shallow_commits(repository) else []
    try:
        fetch(repository, source, options, list(_EVERYTHING))
    except GitFailed as failure:
        return [Unscanned(f"branches and tags could not be fetched: {failure.reason}")]
    return []


def _bring(repository: Repository, source: Remote, object_id: str) -> str | None:
    """Have an object; return why it cannot be had, or None.

    In a complete clone its history comes with it.
    """
    if git.succeeds(repository, "cat-file", "-e", object_id):
        return None
    options = ["--depth=1"] if shallow_commits(repository) else []
    try:
        fetch(repository, source, options, [object_id])
    except GitFailed as failure:
        return f"it is not in the checkout and could not be fetched: {failure.reason}"
    return None


def _tip(repository: Repository, source: Remote, branch: str) -> list[str]:
    """Return the commit a branch is at; none where that cannot be had."""
    try:
        tip = branch_tip(repository, source, branch)
    except GitFailed:
        return []
    return [] if tip is None or _bring(repository, source, tip) else [tip]


def _deepen(
    repository: Repository, source: Remote, new: str, olds: list[str], commits: int
) -> str | None:
    """Fetch until no commit of the range is cut off; return why that failed, or None."""
    step = min(max(commits, _LEAST), _MOST)
    for options in (*([f"--deepen={step * factor}"] for factor in _STEPS), ["--unshallow"]):
        if not _is_cut_off(repository, new, olds):
            return None
        try:
            fetch(repository, source, options, [new, *olds])
        except GitFailed as failure:
            return f"the checkout is shallow and could not be deepened: {failure.reason}"
    return None


def _is_cut_off(repository: Repository, new: str, olds: Iterable[str]) -> bool:
    cut = shallow_commits(repository)
    if not cut:
        return False
    feed = "\n".join([new, *(f"^{old}" for old in olds)])
    brought = git.run(repository, "rev-list", "--stdin", feed=feed).decode("ascii").split()
    return not cut.isdisjoint(brought)
