"""Open files of an object store: regular ones only, so that a pipe or device cannot hang us."""

import mmap
import os
import stat
from pathlib import Path

from keyfuse_scanner.objectstore.model import NotRegular, NotUnderstood

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def map_file(path: Path) -> mmap.mmap:
    """Map a whole file for reading.

    Raises:
        NotUnderstood: it cannot be opened or is empty.
        NotRegular: it is a pipe, a device or a folder.
    """
    try:
        descriptor = os.open(path, _FLAGS | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        raise NotUnderstood(f"cannot be opened: {error.strerror}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NotRegular("not a regular file")
        if not status.st_size:
            raise NotUnderstood("empty")
        return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    except (OSError, OverflowError, ValueError) as error:
        raise NotUnderstood(f"cannot be mapped: {error}") from error
    finally:
        os.close(descriptor)
