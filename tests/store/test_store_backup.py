"""The boxes of docs/operations.md: a backup is restored, and what was revoked is dead again."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from keyfuse_store import KeyStore, audit, revisions
from keyfuse_store.database import open_database
from keyfuse_store.peppers import PepperRing
from keyfuse_store.settings import Settings
from support.backends import postgresql_only, sqlite_only
from support.postgres import PostgresServer
from support.project import ROOT, fences

PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
SQLITE_BACKUP, SQLITE_RESTORE, SERVER_BACKUP, SERVER_RESTORE, REVOKE_AGAIN = fences(PAGE, "sh")
(BACK_ONE_STEP,) = fences(PAGE, "python")


class Machine:
    """Runs the boxes of the page in one shell environment."""

    def __init__(self, folder: Path, environ: dict[str, str], programs: Path | None) -> None:
        self.environ = environ
        folders = {name: folder / name.lower() for name in ("BACKUP", "ELSEWHERE")}
        for place in folders.values():
            place.mkdir()
        path = [Path(sys.executable).parent, *([] if programs is None else [programs])]
        self._shell = {
            **os.environ,
            **{name: str(place) for name, place in folders.items()},
            "PATH": os.pathsep.join([*map(str, path), os.environ["PATH"]]),
        }

    def run(self, box: str) -> str:
        done = subprocess.run(
            ["sh", "-euc", box],
            env=self._shell | self.environ, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def open(self) -> KeyStore:
        return KeyStore.open(settings=Settings.load(self.environ))


def live_and_restore(machine: Machine, backup: str, restore: str) -> Iterator[None]:
    """A life with a backup in the middle; the caller loses the database at the yield."""
    with machine.open() as store:
        stays, dies_before, dies_after = (
            store.issue(prefix="acme_live", owner="a@example.com") for _ in range(3)
        )
        store.revoke(dies_before.key.id, reason="leaked")
        machine.run(backup)
        store.revoke(dies_after.key.id, reason="leaked")
        machine.run(backup.splitlines()[-1])
    yield
    assert re.search(r"^problems +none$", machine.run(restore), re.MULTILINE)
    with machine.open() as store:
        assert store.verify(stays.token).ok
        assert store.verify(dies_before.token).code == "revoked"
        assert store.verify(dies_after.token).ok, "the backup does not know of it"
    machine.run(REVOKE_AGAIN)
    with machine.open() as store:
        assert store.verify(stays.token).ok
        assert store.verify(dies_after.token).code == "revoked"
        store.check()
        with store.read() as connection:
            assert audit.verify_chain(connection, store.peppers).problem is None


def needs(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


@sqlite_only
def test_sqlite_is_backed_up_while_it_runs_and_restored(tmp_path: Path, backend: str) -> None:
    needs("sqlite3", "jq")
    home = tmp_path / "home"
    machine = Machine(tmp_path, {"KEYFUSE_HOME": str(home)}, None)
    steps = live_and_restore(machine, SQLITE_BACKUP, SQLITE_RESTORE)
    next(steps)
    for name in ("keyfuse.db", "keyfuse.db-usage"):
        assert (tmp_path / "backup" / name).stat().st_mode & 0o077 == 0
    shutil.rmtree(home)
    home.mkdir()
    next(steps, None)


@postgresql_only
def test_postgresql_is_backed_up_while_it_runs_and_restored(
    tmp_path: Path, environ: dict[str, str], postgres: PostgresServer
) -> None:
    needs("jq")
    machine = Machine(tmp_path, environ, postgres.programs)
    environ["KEYFUSE_DATABASE_URL"] = plain(environ["KEYFUSE_DATABASE_URL"])
    steps = live_and_restore(machine, SERVER_BACKUP, SERVER_RESTORE)
    next(steps)
    with postgres.database() as fresh:
        environ["KEYFUSE_DATABASE_URL"] = plain(fresh)
        next(steps, None)


def plain(url: str) -> str:
    return url.replace("+psycopg", "")


def test_a_restored_database_without_its_peppers_is_a_list_of_dead_keys(
    environ: dict[str, str], store: KeyStore
) -> None:
    issued = store.issue(prefix="acme_live", owner="a@example.com")
    settings = Settings.load({**environ, "KEYFUSE_PEPPERS": ""})
    with KeyStore.open(settings=settings, peppers=PepperRing({2: b"n" * 32})) as other:
        assert other.verify(issued.token).code == "unavailable"


def test_the_newest_step_can_be_taken_back(
    environ: dict[str, str], store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.close()
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    exec(BACK_ONE_STEP, {})  # the page's own words
    database = open_database(environ["KEYFUSE_DATABASE_URL"])
    with database.read() as connection:
        assert revisions.revision(connection) == revisions.REVISIONS[-2]
    revisions.upgrade(database)
    database.close()
    with KeyStore.open(settings=Settings.load(environ)) as again:
        again.check()
