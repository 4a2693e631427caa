"""A store with a clock that the test moves, on a real SQLite file and on a real PostgreSQL server.

Every test that asks for a store runs on both; `backends.sqlite_only` holds one to SQLite.
"""

import base64
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from keyfuse_store import Issued, KeyStore, revisions
from keyfuse_store.database import open_database
from keyfuse_store.settings import Settings
from support.backends import BACKENDS
from support.postgres import PostgresServer, postgres_server

PEPPERS = {1: b"p" * 32}
TEMPLATE = "kf_template"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000_000

    def __call__(self) -> int:
        return self.now

    def advance(self, duration: timedelta) -> None:
        self.now += duration // timedelta(microseconds=1)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """The kind of database this run of the test works on."""
    return str(request.param)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database, made once and copied."""
    home = tmp_path_factory.mktemp("template")
    settings = Settings.load({"KEYFUSE_HOME": str(home)})
    KeyStore.open(settings=settings, peppers=PEPPERS, clock=Clock()).close()
    return home / "keyfuse.db"


@pytest.fixture(scope="session")
def postgres() -> PostgresServer:
    """A server with a migrated database to copy."""
    server = postgres_server()
    server.execute(f"CREATE DATABASE {TEMPLATE}")
    database = open_database(server.url(TEMPLATE))
    revisions.upgrade(database)
    database.close()
    settings = Settings.load({"KEYFUSE_DATABASE_URL": server.url(TEMPLATE)})
    KeyStore.open(settings=settings, peppers=PEPPERS, clock=Clock()).close()
    return server


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A KEYFUSE_HOME; on SQLite the database lies in it."""
    home = tmp_path / "home"
    home.mkdir()
    return home


@pytest.fixture
def database_url(backend: str, home: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty, migrated database."""
    if backend == "sqlite":
        shutil.copy(request.getfixturevalue("empty_database"), home / "keyfuse.db")
        yield f"sqlite:///{home}/keyfuse.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.database(TEMPLATE) as url:
        yield url


@pytest.fixture
def environ(home: Path, database_url: str) -> dict[str, str]:
    """The settings as another process gets them: `Settings.load(environ)`, or `env=environ`."""
    peppers = ",".join(
        f"{version}:{base64.b64encode(pepper).decode()}" for version, pepper in PEPPERS.items()
    )
    return {
        "KEYFUSE_HOME": str(home),
        "KEYFUSE_DATABASE_URL": database_url,
        "KEYFUSE_PEPPERS": peppers,
    }


@pytest.fixture
def settings(home: Path, database_url: str) -> Settings:
    return Settings.load({"KEYFUSE_HOME": str(home), "KEYFUSE_DATABASE_URL": database_url})


@pytest.fixture
def store(settings: Settings, clock: Clock) -> Iterator[KeyStore]:
    with KeyStore.open(settings=settings, peppers=PEPPERS, clock=clock) as store:
        yield store


@pytest.fixture
def issued(store: KeyStore) -> Issued:
    """A key for `invoices:read`."""
    return store.issue(
        prefix="acme_live", owner="owner@example.com", name="ci", scopes=["invoices:read"]
    )
