"""Where a repository keeps its policy, and what of it was parsed before. A hook asks for this.

Importing a reader of TOML takes longer than much else a hook does, so what a file said is kept,
under a hash of its bytes: the bytes themselves may hold a secret.
"""

# A hook cannot afford pathlib.
# ruff: noqa: PTH116, PTH118, PTH119, PTH120

import errno
import marshal
import os
import stat
from collections.abc import Iterator
from typing import Any, NamedTuple

from keyfuse_scanner.engine import privatefolder

# To be raised whenever another version makes something else of the same file.
_FORMAT = 1
_KEPT_MAX = 32
_PROJECT = "pyproject.toml"
_LARGEST = 32 * 1024 * 1024
IGNORE_FILE, BASELINE = ".keyfuseignore", ".keyfuse-baseline"
"""Where lists of known secrets stand, if a policy does not say otherwise."""

Settings = dict[str, Any]
"""Settings by name, in values that `marshal` knows."""


class PolicyFile(NamedTuple):
    """A file that may hold a policy.

    Attributes:
        is_project: True for a `pyproject.toml`, which holds much else.
    """

    path: str
    raw: bytes
    is_project: bool


class Kept(NamedTuple):
    """What a file said; `settings` is None where there is nothing for us in it."""

    settings: Settings | None


def folders(directory: str) -> list[str]:
    """Return a folder and those above it, up to the one that is a repository."""
    found = []
    while True:
        found.append(directory)
        above = os.path.dirname(directory)
        if above == directory or os.path.lexists(os.path.join(directory, ".git")):
            return found
        directory = above


def root(places: list[str]) -> str:
    """Return which of some `folders` is the repository, or the first where none is."""
    is_repository = os.path.lexists(os.path.join(places[-1], ".git"))
    return places[-1] if is_repository else places[0]


def policy_files(folder: str) -> Iterator[PolicyFile]:
    """Yield the files of a folder that may hold a policy, the one that counts first.

    Raises:
        OSError: one is there and cannot be read.
    """
    for name in ("keyfuse.toml", _PROJECT):
        try:
            file = policy_file(os.path.join(folder, name))
        except (FileNotFoundError, NotADirectoryError):
            continue
        if not file.is_project or b"keyfuse" in file.raw:
            yield file


def policy_file(path: str) -> PolicyFile:
    """Return a file that may hold a policy.

    Raises:
        OSError: it cannot be read.
    """
    return PolicyFile(path, content(path), os.path.basename(path) == _PROJECT)


def content(path: str) -> bytes:
    """Return the bytes of a file that a repository may have put there.

    Raises:
        OSError: it cannot be read, is no regular file (a pipe or a device may never end), or is
            larger than anything that somebody wrote.
    """
    with open(path, "rb", buffering=0, opener=_without_waiting) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) and not os.path.samestat(status, os.stat(os.devnull)):
            raise OSError(errno.EINVAL, "is no regular file", path)
        if status.st_size > _LARGEST:
            raise OSError(errno.EFBIG, "is too large", path)
        return file.readall()


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def kept(file: PolicyFile) -> Kept | None:
    """Return what a file said when it was parsed before, or None if that is not known."""
    digest = _digest(file)
    parts = privatefolder.read(privatefolder.cache_folder(), _name(digest))
    try:
        known_digest, settings = marshal.loads(parts[0]) if parts else ("", None)  # noqa: S302 - nobody else may have written it
    except (ValueError, TypeError, EOFError):
        return None
    return Kept(settings) if known_digest == digest else None


def keep(file: PolicyFile, settings: Settings | None) -> None:
    """Keep what a file said; None where there is nothing for us in it."""
    digest = _digest(file)
    try:
        content = marshal.dumps((digest, settings))
    except ValueError:
        return  # a date in it
    privatefolder.write(privatefolder.cache_folder(), _name(digest), [content], keep=_KEPT_MAX)


def _digest(file: PolicyFile) -> str:
    from keyfuse_rules.sha256 import sha256_hex

    return sha256_hex(b"%d %d " % (_FORMAT, file.is_project) + file.raw)


def _name(digest: str) -> str:
    return f"policy-{digest[:16]}"
