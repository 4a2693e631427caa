"""Files and folders of the work tree as documents; ignored files too, `.git` not."""

import os
import stat
from collections.abc import Iterable, Iterator
from io import RawIOBase
from pathlib import Path

from keyfuse_scanner.errors import NoSuchPath
from keyfuse_scanner.model import Document, Unscanned
from keyfuse_scanner.printable import harmless, path_text
from keyfuse_scanner.windows import PIECE

# Not on Windows. A file that was changed into a link or a pipe since it was listed is refused.
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)
_BINARY = getattr(os, "O_BINARY", 0)


def documents(
    paths: Iterable[str], *, max_size: int | None = None
) -> Iterator[Document | Unscanned]:
    """Return the documents of files, and of folders all the way down.

    A symbolic link that the user names is followed; one met on the way is not, but its target is
    looked into as text, as git stores it. Pipes and devices met on the way are left out.

    Raises:
        NoSuchPath: one of the paths is not there; raised before anything is read.
    """
    named = list(paths)
    for path in named:
        if not os.path.lexists(path):
            raise NoSuchPath(f"{harmless(path_text(os.fsencode(path)))}: no such file or folder")
    return (entry for path in named for entry in _named(path, max_size))


def _named(path: str, max_size: int | None) -> Iterator[Document | Unscanned]:
    shown = Path(path)
    if shown.is_dir():
        yield from _folder(path, max_size)
    else:
        yield from _file(path, max_size, flags=os.O_RDONLY)


def _folder(path: str, max_size: int | None) -> Iterator[Document | Unscanned]:
    try:
        with os.scandir(path) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        yield _unreadable(path, error)
        return
    for entry in entries:
        if entry.name == ".git":
            continue
        yield Document("file-name", _shown(entry.path), None, (os.fsencode(entry.name),))
        yield from _entry(entry, max_size)


def _entry(entry: "os.DirEntry[str]", max_size: int | None) -> Iterator[Document | Unscanned]:
    try:
        if entry.is_symlink():
            target = os.fsencode(Path(entry.path).readlink())
            yield Document("file", _shown(entry.path), None, (target,))
            return
        is_folder = entry.is_dir(follow_symlinks=False)
        is_file = entry.is_file(follow_symlinks=False)
    except OSError as error:
        yield _unreadable(entry.path, error)
        return
    if is_folder:
        yield from _folder(entry.path, max_size)
    elif is_file:
        yield from _file(entry.path, max_size, flags=os.O_RDONLY | _NO_FOLLOW | _NO_WAIT)


def _file(path: str, max_size: int | None, *, flags: int) -> Iterator[Document | Unscanned]:
    try:
        descriptor = os.open(path, flags | _BINARY)
    except OSError as error:
        yield _unreadable(path, error)
        return
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        status = os.fstat(descriptor)
        if max_size is not None and status.st_size > max_size:
            yield Unscanned(f"{status.st_size} bytes, over the limit", _shown(path))
        elif not flags & _NO_FOLLOW or stat.S_ISREG(status.st_mode):
            yield Document("file", _shown(path), None, _pieces(path, file))


def _pieces(path: str, file: RawIOBase) -> Iterator[bytes | Unscanned]:
    try:
        while piece := file.read(PIECE):
            yield piece
    except OSError as error:
        yield _unreadable(path, error)


def _unreadable(path: str, error: OSError) -> Unscanned:
    return Unscanned((error.strerror or "cannot be read").lower(), _shown(path))


def _shown(path: str) -> bytes:
    """Return a path as git would write it: from here where possible, with `/`."""
    normal = os.path.normpath(path)
    return os.fsencode(normal.replace(os.sep, "/"))
