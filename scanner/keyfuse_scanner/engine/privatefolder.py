"""A folder of files that nobody but their owner may have written, in the user's cache.

What is kept there is loaded without being checked in depth, a compiled database is even native
code. So a file is read only if it and its folder belong to this user and nobody else may write or
read them, if neither is a symbolic link, and if no repository contains them: what a repository
contains may have been put there by whoever wrote it.
"""

# Files are opened relative to an open folder, which pathlib cannot do.
# ruff: noqa: PTH101, PTH102, PTH103, PTH108, PTH111, PTH114, PTH117, PTH118, PTH120, PTH208

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from io import RawIOBase

_PRIVATE_FOLDER, _PRIVATE_FILE = 0o700, 0o600
_OTHERS = 0o077
_LARGEST = 256 * 1024 * 1024
_HEAD_LENGTH = 64
# Absent on Windows, where a profile's folders are private by themselves.
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)
_FOLDER = getattr(os, "O_DIRECTORY", 0)
_BINARY = getattr(os, "O_BINARY", 0)


def cache_folder() -> str:
    """Return where the operating system wants caches; it may not be there yet.

    The same place as `platformdirs.user_cache_dir("keyfuse", False)`, which takes longer to import
    than to compute.
    """
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
        return os.path.join(local, "keyfuse", "Cache")
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Caches", "keyfuse")
    named = os.environ.get("XDG_CACHE_HOME", "").strip()
    base = named if os.path.isabs(named) else os.path.join(home, ".cache")
    return os.path.join(base, "keyfuse")


def read(folder: str, name: str) -> list[bytes] | None:
    """Return the parts of a file, or None where there is none that can be trusted.

    Each part is read into bytes of its own: megabytes are copied once.
    """
    try:
        with _opened(folder) as place:
            flags = os.O_RDONLY | _NO_FOLLOW | _NO_WAIT | _BINARY
            descriptor = os.open(place.path(name), flags, dir_fd=place.descriptor)
            with os.fdopen(descriptor, "rb", buffering=0) as file:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
                    return None
                return _parts(file, status.st_size) if _is_ours_alone(status) else None
    except (OSError, ValueError):
        return None


def write(folder: str, name: str, parts: Sequence[bytes], *, keep: int) -> bool:
    """Keep a file for later, all of it or nothing.

    Args:
        folder: Made if it is not there; its permissions are tightened if it is.
        name: Of the file; what stands before its `-` is its kind.
        parts: What `read` shall return.
        keep: How many files of that kind may be there; the oldest go.

    Returns:
        False where that was not possible or would not have been safe.
    """
    try:
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        with suppress(FileExistsError):
            os.mkdir(folder, _PRIVATE_FOLDER)
        _tighten(folder)
        with _opened(folder) as place:
            _replace(place, name, [_head(parts), *parts])
            _forget(place, name.partition("-")[0], keep)
    except OSError:
        return False
    return True


def _head(parts: Sequence[bytes]) -> bytes:
    """Return a line with the lengths of the parts, which follow it."""
    line = b" ".join(b"%d" % len(part) for part in parts)
    return line.ljust(_HEAD_LENGTH - 1) + b"\n"


def _parts(file: "RawIOBase", size: int) -> list[bytes] | None:
    lengths = [int(word) for word in (file.read(_HEAD_LENGTH) or b"").split()]
    if not lengths or sum(lengths) + _HEAD_LENGTH != size:
        return None
    parts = [file.read(length) or b"" for length in lengths]
    return parts if [len(part) for part in parts] == lengths else None


class _Place:
    """An open folder: by descriptor where the system can, so that it is not exchanged meanwhile."""

    def __init__(self, folder: str, descriptor: int | None) -> None:
        self.folder = folder
        self.descriptor = descriptor

    def path(self, name: str) -> str:
        return name if self.descriptor is not None else os.path.join(self.folder, name)


@contextmanager
def _opened(folder: str) -> Iterator[_Place]:
    """Open a folder that can be trusted.

    Raises:
        OSError: It is not there or cannot be trusted.
    """
    if _is_in_repository(folder):
        raise PermissionError("within a repository")
    if os.open not in os.supports_dir_fd:
        if os.path.islink(folder):
            raise PermissionError("a symbolic link")
        yield _Place(folder, None)
        return
    descriptor = os.open(folder, os.O_RDONLY | _FOLDER | _NO_FOLLOW)
    try:
        if not _is_ours_alone(os.fstat(descriptor)):
            raise PermissionError("others have access")
        yield _Place(folder, descriptor)
    finally:
        os.close(descriptor)


def _is_ours_alone(status: os.stat_result) -> bool:
    if sys.platform == "win32":
        return True
    return status.st_uid == os.getuid() and not status.st_mode & _OTHERS


def _is_in_repository(folder: str) -> bool:
    """Tell whether a work tree, a git directory or a bare repository contains the folder."""
    parent = os.path.realpath(folder)
    while True:
        if os.path.lexists(os.path.join(parent, ".git")) or _is_git_folder(parent):
            return True
        above = os.path.dirname(parent)
        if above == parent:
            return False
        parent = above


def _is_git_folder(folder: str) -> bool:
    names = ("HEAD", "objects", "refs")
    return all(os.path.lexists(os.path.join(folder, name)) for name in names)


def _tighten(folder: str) -> None:
    """Take access from others where the folder is ours; what they may have left there goes."""
    status = os.lstat(folder)
    if sys.platform == "win32" or not stat.S_ISDIR(status.st_mode) or _is_ours_alone(status):
        return
    if status.st_uid != os.getuid():
        raise PermissionError("belongs to somebody else")
    os.chmod(folder, _PRIVATE_FOLDER)
    for name in os.listdir(folder):
        with suppress(OSError):
            os.unlink(os.path.join(folder, name))


def _replace(place: _Place, name: str, parts: Sequence[bytes]) -> None:
    temporary = f"{name}.{os.getpid()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _BINARY
    at = place.descriptor
    with suppress(FileNotFoundError):
        os.unlink(place.path(temporary), dir_fd=at)
    descriptor = os.open(place.path(temporary), flags, _PRIVATE_FILE, dir_fd=at)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            for part in parts:
                view = memoryview(part)
                while view:
                    view = view[file.write(view) :]
        os.replace(place.path(temporary), place.path(name), src_dir_fd=at, dst_dir_fd=at)
    except OSError:
        with suppress(OSError):
            os.unlink(place.path(temporary), dir_fd=at)
        raise


def _forget(place: _Place, kind: str, keep: int) -> None:
    """Remove the oldest files of a kind."""
    every = os.listdir(place.folder if place.descriptor is None else place.descriptor)
    names = [name for name in every if name.partition("-")[0] == kind]
    aged = sorted(names, key=lambda name: _age(place, name))
    for name in aged[:-keep]:
        with suppress(OSError):
            os.unlink(place.path(name), dir_fd=place.descriptor)


def _age(place: _Place, name: str) -> int:
    try:
        found = os.stat(place.path(name), dir_fd=place.descriptor, follow_symlinks=False)
    except OSError:
        return 0
    return found.st_mtime_ns
