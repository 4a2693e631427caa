"""From where a repository's history is reached: refs, reflogs and indexes, as they are now."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from keyfuse_rules.sha256 import sha256_hex
from keyfuse_scanner.errors import GitFailed
from keyfuse_scanner.git import Repository
from keyfuse_scanner.gitstreams import Printed, beside


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


@contextmanager
def roots(repository: Repository) -> Iterator[Callable[[Path], Roots]]:
    """Ask for the roots of a repository while other things are asked.

    What is yielded waits for git and returns them. It takes the repository's directory, as `git
    rev-parse --git-common-dir` tells it.
    """
    arguments = ("for-each-ref", "--format=%(objectname) %(refname)")
    with beside(repository, *arguments) as listed:
        yield lambda common: _roots(listed(), common)


def _roots(listed: Printed, common: Path) -> Roots:
    if listed.failure:
        return Roots(b"", (), (), listed.failure)
    printed = listed.stdout
    rows = [line.partition(b" ") for line in printed.splitlines()]
    return Roots(
        bytes.fromhex(sha256_hex(repr((printed, _others(common))).encode())),
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
