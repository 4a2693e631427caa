"""From where a repository's history is reached: refs, reflogs and indexes, as they are now."""

import os
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from keyfuse_scanner import git
from keyfuse_scanner.errors import GitFailed
from keyfuse_scanner.git import Repository


class Roots(NamedTuple):
    """Where history begins.

    Attributes:
        state: Digest that changes when something else can be reached.
        tips: Object ids of the refs.
        names: Of the refs.
        failure: Why the refs are not known, or None.
    """

    state: bytes
    tips: tuple[str, ...]
    names: tuple[bytes, ...]
    failure: GitFailed | None = None


def roots(repository: Repository, common: Path) -> Roots:
    """Return the roots of a repository.

    Args:
        repository: Which.
        common: Its directory, as `git rev-parse --git-common-dir` tells it.
    """
    try:
        printed = git.run(repository, "for-each-ref", "--format=%(objectname) %(refname)")
    except GitFailed as failure:
        return Roots(b"", (), (), failure)
    rows = [line.partition(b" ") for line in printed.splitlines()]
    return Roots(
        sha256(repr((printed, _others(common))).encode()).digest(),
        tuple(object_id.decode("ascii") for object_id, _, _ in rows),
        tuple(name for _, _, name in rows),
    )


def _others(common: Path) -> list[tuple[str, int, int]]:
    """Return what tells whether a HEAD, a reflog or an index is another one than before."""
    found = []
    worktrees = common / "worktrees"
    folders = [common, *(sorted(worktrees.iterdir()) if worktrees.is_dir() else ())]
    for folder in folders:
        found += [_content(folder / "HEAD"), _date(folder / "index")]
        for logs in (folder / "logs", folder / "reftable"):
            for parent, _, names in sorted(os.walk(logs)):
                found += [_content(Path(parent, name)) for name in sorted(names)]
    return found


def _content(path: Path) -> tuple[str, int, int]:
    try:
        raw = path.read_bytes()
    except OSError:
        return str(path), -1, 0
    return str(path), len(raw), crc32(raw)


def _date(path: Path) -> tuple[str, int, int]:
    """Return what an index changes with; its content can be large."""
    try:
        status = path.stat()
    except OSError:
        return str(path), -1, 0
    return str(path), status.st_size, status.st_mtime_ns
