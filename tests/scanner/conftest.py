"""Real repositories, and the command line in this process."""

import subprocess
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
from keyfuse_scanner.modes import Scanning
from keyfuse_scanner.scan import conclude


class GitRepo:
    """A repository in a folder; every method is one git command or one file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def git(self, *arguments: str | bytes, feed: bytes = b"", check: bool = True) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.path, input=feed, capture_output=True, check=False
        )
        if check and done.returncode:
            raise AssertionError(f"git {arguments[0]!r}: {done.stderr!r}")
        return done.stdout.decode().strip()

    def write(self, name: str | bytes, content: str | bytes) -> None:
        path = self.path / (
            name if isinstance(name, str) else name.decode("utf-8", "surrogateescape")
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def stage(self, name: str | bytes, content: str | bytes) -> None:
        self.write(name, content)
        self.git("add", "-f", "--", name)

    def commit(
        self, message: str = "a change", *, when: int | None = None, **files: str | bytes
    ) -> str:
        """Commit files (`a_txt` is `a.txt`) with what is staged; return the commit's id."""
        for name, content in files.items():
            self.stage(name.replace("_", "."), content)
        date = [] if when is None else ["--date", f"@{when} +0200"]
        self.git("commit", "--quiet", "--no-verify", "--allow-empty", *date, "-m", message)
        return self.git("rev-parse", "HEAD")

    def loose(self, object_id: str) -> Path:
        return self.path / ".git" / "objects" / object_id[:2] / object_id[2:]


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
