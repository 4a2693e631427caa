"""A store on a real SQLite file, with a clock that the test moves."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from keyfuse_store import Issued, KeyStore
from keyfuse_store.settings import Settings

PEPPERS = {1: b"p" * 32}


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


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database, made once and copied."""
    home = tmp_path_factory.mktemp("template")
    settings = Settings.load({"KEYFUSE_HOME": str(home)})
    KeyStore.open(settings=settings, peppers=PEPPERS, clock=Clock()).close()
    return home / "keyfuse.db"


@pytest.fixture
def home(tmp_path: Path, empty_database: Path) -> Path:
    """A KEYFUSE_HOME with an empty database."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(empty_database, home / "keyfuse.db")
    return home


@pytest.fixture
def settings(home: Path) -> Settings:
    return Settings.load({"KEYFUSE_HOME": str(home)})


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
