"""Several processes see what one sees, and one that dies is never silent."""

import os
import random
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from keyfuse_scanner.objectstore import Progress, plan, scanning, workers
from keyfuse_scanner.objectstore.model import BLOB
from keyfuse_scanner.objectstore.scanning import scan
from scanner.objectstore.stores import (
    Copy,
    NoGit,
    as_git_sees,
    blob,
    delta,
    directory,
    git,
    new_repository,
    object_id,
    write_pack,
)
from scanner.objectstore.test_objectstore_equals_git import fast_import

FATAL = b"this one kills the worker"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a store with a pack and loose objects; small, but worth several processes here."""
    monkeypatch.setattr(scanning, "SMALL", 0)
    monkeypatch.setattr(plan, "_SMALLEST_UNIT", 2_000)
    monkeypatch.setattr(plan, "_UNITS_PER_JOB", 1_000)
    monkeypatch.setattr(plan, "_LOOSE_UNIT", 8)
    repository = new_repository(tmp_path / "repository")
    git(repository, "fast-import", "--quiet", feed=fast_import(random.Random(5), 30))
    git(repository, "repack", "-adfq")
    git(repository, "fast-import", "--quiet", "--force", feed=fast_import(random.Random(6), 5))
    return repository


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_two_processes_see_what_git_sees(repository: Path, method: str) -> None:
    seen: list[Progress] = []
    result = scan(directory(repository), Copy, NoGit(), jobs=2, progress=seen.append, method=method)
    assert dict(result.found) == as_git_sees(repository)
    assert result.unread == []
    assert len(seen) > 4
    assert seen[-1].done == seen[-1].total
    assert (seen[-1].objects, seen[-1].size) == (result.objects, result.size)


class Mortal(Copy):
    """Dies of one object."""

    def __init__(self, how: str) -> None:
        self.how = how

    def whole(self, kind: int, data: bytes) -> tuple[str, bytes]:
        if data == FATAL:
            if self.how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            raise RuntimeError("met the fatal object")
        return super().whole(kind, data)


def test_a_killed_worker_is_told_and_the_others_go_on(repository: Path) -> None:
    everything = as_git_sees(repository)
    git(repository, "hash-object", "-w", "--stdin", feed=FATAL)
    result = scan(directory(repository), partial(Mortal, "killed"), NoGit(), jobs=2)
    assert len(result.unread) == 1
    assert "exit code -9" in result.unread[0].reason
    missing = int(result.unread[0].reason.split(";")[1].split()[0])
    loose = 30  # trees among them are counted as objects and never found
    assert len(everything) + 1 - missing <= len(result.found) <= len(everything) + loose - missing


def test_all_workers_killed_is_told_for_each_unit(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is taken over by the process that is left."""
    result = scan(directory(repository), Suicidal, NoGit(), jobs=2)
    units = len(plan.prepare(directory(repository), 2).work)
    assert len(result.unread) == units
    assert result.found == []


class Suicidal(Copy):
    def whole(self, kind: int, data: bytes) -> tuple[str, bytes]:
        os.kill(os.getpid(), signal.SIGKILL)
        return super().whole(kind, data)


def test_an_exception_in_a_worker_is_raised_here(repository: Path) -> None:
    git(repository, "hash-object", "-w", "--stdin", feed=FATAL)
    with pytest.raises(workers.WorkerFailed, match="met the fatal object"):
        scan(directory(repository), partial(Mortal, "raises"), NoGit(), jobs=2)


def test_a_worker_that_finds_another_store_takes_nothing(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after `git gc` at the wrong moment: the work is done here instead."""
    before = as_git_sees(repository)
    prepare, here = scanning.prepare, os.getpid()

    def changed(*arguments: Any, **more: Any) -> plan.Plan:
        if os.getpid() != here:
            write_pack(repository, [blob(b"new %d" % os.getpid())])
        return prepare(*arguments, **more)

    monkeypatch.setattr(scanning, "prepare", changed)
    monkeypatch.setattr(workers, "inherits", lambda _method: False)
    result = scan(directory(repository), Copy, NoGit(), jobs=2)
    assert dict(result.found) == before
    assert result.unread == []


def test_a_store_with_one_giant_tree_keeps_all_workers_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is cut at its branches."""
    monkeypatch.setattr(plan, "_SMALLEST_UNIT", 1_000)
    repository = new_repository(tmp_path / "giant")
    base = random.Random(1).randbytes(30_000)
    versions = [base[:20_000] + b"%d" % number for number in range(200)]
    entries = [blob(base), *(delta(base, each, 6, at) for at, each in enumerate(versions, 1))]
    write_pack(repository, entries)
    work = plan.prepare(directory(repository), 2).work
    heaviest = max(each.weight for each in work)
    assert len(work) > 8
    assert heaviest < sum(each.weight for each in work) / 2
    found = dict(scan(directory(repository), Copy, NoGit(), jobs=1).found)
    assert found.keys() == {object_id(BLOB, each) for each in (base, *versions)}
