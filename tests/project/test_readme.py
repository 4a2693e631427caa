"""The commands of the README are run as they stand there, in a repository of their own."""

import os
import re
import shlex
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import pytest

from keyfuse_rules.keyformat import parse
from support.keys import make_key
from support.project import KEYFUSE, PYPROJECT, ROOT, fences

README = (ROOT / "README.md").read_text(encoding="utf-8")


def command_lines() -> list[list[str]]:
    """Return every command of the README's shell blocks, in order, split as a shell does."""
    lines = [line for block in fences(README, "sh") for line in block.splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def tour() -> list[list[str]]:
    return [words for words in command_lines() if words[0] == "keyfuse"]


@pytest.fixture
def surroundings(planted: Path) -> Mapping[str, str]:
    return dict(os.environ) | {"KEYFUSE_HOME": str(planted / "home")}


@pytest.fixture
def repository(planted: Path) -> Path:
    """Return a repository with one commit and nothing secret in it."""
    folder = planted / "repository"
    folder.mkdir()
    (folder / "app.py").write_text("print('hello')\n")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "Say hello"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    return folder


def run(words: list[str], folder: Path, surroundings: Mapping[str, str]) -> str:
    """Run one command of the tour and return what it printed."""
    done = subprocess.run(
        [KEYFUSE, *words[1:]], cwd=folder, env=surroundings, capture_output=True, check=False
    )
    assert done.returncode == 0, (words, done.returncode)
    return done.stdout.decode()


def test_the_two_commands_stand_at_the_top() -> None:
    assert command_lines()[:2] == [["make", "demo"], ["make", "test"]]
    for words in command_lines()[:2]:
        subprocess.run([*words, "-n"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def test_what_is_installed_is_what_the_project_offers() -> None:
    (install,) = [words for words in command_lines() if words[0] == "pip"]
    (extra,) = re.findall(r"\[(\w+)\]", install[-1])
    assert extra in PYPROJECT["project"]["optional-dependencies"]


def test_every_command_is_one_that_is_run_here() -> None:
    assert {words[0] for words in command_lines()} == {"make", "pip", "keyfuse"}


def test_the_tour_runs_as_written(repository: Path, surroundings: Mapping[str, str]) -> None:
    printed = {
        " ".join(words[1:3]): run(words, repository, surroundings)
        for words in tour()
        if words[1] != "serve"
    }
    keys = [word for word in printed["keys issue"].split() if parse(word)]
    assert len(keys) == 1
    assert keys[0] not in printed["keys list"]
    assert (repository / ".git" / "hooks" / "pre-commit").exists()


def test_the_hook_of_the_tour_stops_a_key(
    repository: Path, surroundings: Mapping[str, str]
) -> None:
    run(["keyfuse", "hook", "install"], repository, surroundings)
    (repository / "settings.py").write_text(f"KEY = '{make_key().reveal()}'\n")
    subprocess.run(["git", "add", "settings.py"], cwd=repository, check=True)
    path = f"{KEYFUSE.parent}{os.pathsep}{os.environ['PATH']}"
    commit = subprocess.run(
        ["git", "commit", "-q", "-m", "Oops"],
        cwd=repository,
        env={**surroundings, "PATH": path},
        capture_output=True,
        check=False,
    )
    assert commit.returncode != 0
    assert b"settings.py" in commit.stdout + commit.stderr


def test_the_service_of_the_tour_starts_and_stops(
    planted: Path, surroundings: Mapping[str, str]
) -> None:
    (words,) = [words for words in tour() if words[1] == "serve"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (planted / "log").open("wb") as log:
        service = subprocess.Popen(
            [KEYFUSE, *words[1:], "--port", str(port)], env=surroundings, stdout=log, stderr=log
        )
    try:
        assert answers(f"http://127.0.0.1:{port}/healthz", service)
    finally:
        service.send_signal(signal.SIGTERM)
        assert service.wait(timeout=30) == 0


def answers(url: str, service: subprocess.Popen[bytes]) -> bool:
    """Wait until the service answers 200 or is gone."""
    for _ in range(300):
        if service.poll() is not None:
            return False
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            time.sleep(0.1)
    return False


def test_the_python_of_the_readme_runs(
    planted: Path, surroundings: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (source,) = fences(README, "python")
    monkeypatch.chdir(planted)
    monkeypatch.setenv("KEYFUSE_HOME", surroundings["KEYFUSE_HOME"])
    denied: list[str] = []
    names: dict[str, object] = {"token": "no key", "deny": denied.append}
    exec(source, names)  # the document's own words
    assert denied == ["malformed"]
    names["store"].close()  # type: ignore[attr-defined]
