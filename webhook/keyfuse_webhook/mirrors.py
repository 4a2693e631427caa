"""A bounded cache of bare mirrors: what was fetched once is not fetched again.

A mirror can be thrown away at any time; the next push makes a new one. So there is no repair,
no maintenance, and no state in it that matters.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import git
import structlog

from keyfuse_webhook.github_names import RepositoryName

LARGEST_CACHE = 5 * 1024**3
# Each fetch leaves a pack and a ref; a mirror with more of them is slow, and made anew.
_MOST_PACKS = 200

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
            if not (path / "HEAD").exists() or len(_packs(path)) > _MOST_PACKS:
                self._make(path)
            os.utime(path)
            yield path
        self.shrink()

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
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:
            yield False
        else:
            yield True


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
