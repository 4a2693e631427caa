"""A git server, a repository on it, and runs of a workflow there."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from support.githttp import GitServer, Remote
from support.workflow import Workflow


@pytest.fixture
def server(planted: Path) -> Iterator[GitServer]:
    with GitServer(planted / "server").running() as running:
        yield running


@pytest.fixture
def remote(server: GitServer) -> Remote:
    return server.repository()


@pytest.fixture
def workflow(
    server: GitServer, remote: Remote, planted: Path, tmp_path: Path
) -> Callable[[], Workflow]:
    """Return a function that makes a fresh runner."""
    names = (f"runner-{number}" for number in count())

    def make() -> Workflow:
        name = next(names)
        return Workflow(server, remote, planted / name, tmp_path / name)

    return make
