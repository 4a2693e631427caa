"""A bounded cache of bare mirrors: what was fetched once is not fetched again.

A mirror can be thrown away at any time; the next push makes a new one. So there is no repair,
no maintenance, and no state in it that matters.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO

import git
import structlog

from keyfuse_webhook.github_names import RepositoryName

LARGEST_CACHE = 5 * 1024**3
# Each fetch leaves a pack and a ref; a mirror with more of them is slow, and made anew.
_MOST_PACKS = 200
# There while a mirror that is read is as its server was when the reading began.
_FRESH = "keyfuse-fresh"

_log = structlog.get_logger(__name__)


class Mirrors:
    """The mirrors below one folder, shared with other workers on this machine."""

    def __init__(self, folder: Path, largest: int = LARGEST_CACHE) -> None:
        self._folder = folder
        self._largest = largest

    @contextmanager
    def mirror(self, repository: RepositoryName) -> Iterator[Path]:
        """The bare repository of one name, for the caller alone while the block lasts."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(repository)
        with _locked(path.with_suffix(".lock")):
            self._have(path)
            yield path
        self.shrink()

    @contextmanager
    def reading(
        self, repository: RepositoryName, refresh: Callable[[Path], None]
    ) -> Iterator[Path]:
        """The bare repository, for this caller and others to read while the block lasts.

        Args:
            repository: Whose.
            refresh: Brings it up to date; has it for itself meanwhile. Is not called where
                others are reading.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(repository)
        fresh = path / _FRESH
        with path.with_suffix(".lock").open("a") as lock:
            while True:
                # Where others read it, they have just brought it up to date.
                if _flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB):
                    fresh.unlink(missing_ok=True)
                    self._have(path)
                    refresh(path)
                    fresh.touch()
                # Between the locks nobody has it, and somebody may throw it away.
                fcntl.flock(lock, fcntl.LOCK_SH)
                if fresh.exists():
                    break
            self.shrink()
            yield path

    def discard(self, repository: RepositoryName) -> None:
        """Throw a mirror away; the caller holds it."""
        shutil.rmtree(self._path(repository), ignore_errors=True)

    def shrink(self) -> None:
        """Throw the mirrors away that were used longest ago, down to the size allowed."""
        sizes = {path: _size(path) for path in self._folder.glob("*.git")}
        excess = sum(sizes.values()) - self._largest
        for path in sorted(sizes, key=_used):
            if excess <= 0:
                return
            with _locked(path.with_suffix(".lock"), wait=False) as taken:
                if taken:
                    shutil.rmtree(path, ignore_errors=True)
                    excess -= sizes[path]
                    _log.info("mirror_evicted", bytes=sizes[path])

    def _have(self, path: Path) -> None:
        if not (path / "HEAD").exists() or len(_packs(path)) > _MOST_PACKS:
            self._make(path)
        os.utime(path)

    def _path(self, repository: RepositoryName) -> Path:
        # GitHub does not tell upper case from lower; file systems do as they like.
        name = str(repository).lower()
        return self._folder / f"{sha256(name.encode()).hexdigest()[:32]}.git"

    def _make(self, path: Path) -> None:
        shutil.rmtree(path, ignore_errors=True)
        fresh = path.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        git.Repo.init(fresh, bare=True, mkdir=True).close()
        fresh.rename(path)


@contextmanager
def _locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold a lock that dies with the process; yields False where it is taken and `wait` is not."""
    with path.open("a") as file:
        yield _flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


def _flock(file: IO[str], operation: int) -> bool:
    try:
        fcntl.flock(file, operation)
    except BlockingIOError:
        return False
    return True


def _packs(path: Path) -> list[Path]:
    return list((path / "objects" / "pack").glob("*.pack"))


def _size(path: Path) -> int:
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += (Path(folder) / name).lstat().st_size
            except OSError:
                continue
    return total


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
