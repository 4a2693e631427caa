"""Real repositories, and the command line in this process."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from keyfuse_rules.matching import Matcher
from keyfuse_rules.pack import default_rules
from keyfuse_scanner import modes
from keyfuse_scanner.git import Repository
from keyfuse_scanner.main import run
from keyfuse_scanner.model import ScanResult
from keyfuse_scanner.scan import conclude
from keyfuse_scanner.scanning import Scanning
from support.gitrepo import GitRepo


@pytest.fixture
def make_repo(planted: Path) -> Callable[..., GitRepo]:
    def make(name: str = "repo", *options: str) -> GitRepo:
        repo = GitRepo(planted / name)
        repo.path.mkdir(parents=True)
        repo.git("init", "--quiet", "--initial-branch=main", *options)
        return repo

    return make


@pytest.fixture
def repo(make_repo: Callable[..., GitRepo], monkeypatch: pytest.MonkeyPatch) -> GitRepo:
    """Return an empty repository; it is the current directory."""
    made = make_repo()
    monkeypatch.chdir(made.path)
    return made


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def keyfuse(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Return a function that runs a command in this process."""

    def call(*arguments: str) -> Outcome:
        capsys.readouterr()
        code = run(list(arguments))
        return Outcome(code, *capsys.readouterr())

    return call


_MATCHER = Matcher(default_rules())


@pytest.fixture
def scan() -> Callable[..., ScanResult]:
    """Return a function that scans the current directory's repository: `scan("range", "A..B")`."""

    def call(mode: str, *arguments: Any, max_size: int | None = None, **options: Any) -> ScanResult:
        scanning = Scanning(_MATCHER, max_size)
        function = getattr(modes, f"scan_{mode}")
        if mode in {"staged", "range", "history"}:
            arguments = (Repository(), *arguments)
        return conclude(function(scanning, *arguments, **options), _MATCHER)

    return call
