"""The object directories of a repository: its own and those it borrows from."""

import os
from collections.abc import Iterable
from pathlib import Path

from keyfuse_scanner.objectstore.model import Unread

# As deep as git follows alternates (link_alt_odb_entries in object-file.c).
_DEEPEST = 5


def object_directories(
    directory: Path, borrowed: Iterable[Path] = ()
) -> tuple[list[Path], list[Unread]]:
    """Return directories with all their alternates, each once, and what could not be followed."""
    found: list[Path] = []
    unread: list[Unread] = []
    for each in (directory, *borrowed):
        _follow(Path(os.path.realpath(each)), 0, found, unread)
    return found, unread


def _follow(directory: Path, depth: int, found: list[Path], unread: list[Unread]) -> None:
    if directory in found:
        return
    if depth > _DEEPEST:
        unread.append(Unread("alternate object directories are nested too deeply"))
        return
    if not directory.is_dir():
        unread.append(Unread("an alternate object directory is not there"))
        return
    found.append(directory)
    for line in _lines(directory / "info" / "alternates", unread):
        other = directory / os.fsdecode(line)
        _follow(Path(os.path.realpath(other)), depth + 1, found, unread)


def _lines(path: Path, unread: list[Unread]) -> list[bytes]:
    """Return the entries of an alternates file (gitrepository-layout(5))."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError:
        unread.append(Unread("the list of alternate object directories cannot be read"))
        return []
    return [_unquoted(line) for line in lines if line and not line.startswith(b"#")]


def _unquoted(line: bytes) -> bytes:
    """Undo git's quoting of odd names: C escapes between double quotes."""
    if not (line.startswith(b'"') and line.endswith(b'"') and len(line) > 1):
        return line
    return line[1:-1].decode("unicode_escape", "replace").encode("latin-1", "replace")
