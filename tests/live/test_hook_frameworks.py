"""Our hooks as pre-commit and prek install and run them, from this repository."""

import subprocess
from pathlib import Path

import pytest
import yaml

from keyfuse_scanner.setup.files import HOOKS, Wishes, proposals
from keyfuse_scanner.setup.source import Source
from support.gitrepo import GitRepo
from support.keys import break_checksum, make_key
from support.live import Done, program, run

KEY, OTHER = (make_key(seed=seed).reveal() for seed in range(2))
DECOY = break_checksum(make_key(seed=9).reveal())


@pytest.fixture(params=["pre-commit", "prek"])
def framework(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """Return the program; what it installs is kept for the tests that follow."""
    kept = tmp_path_factory.getbasetemp() / "frameworks"
    for name in ("PRE_COMMIT_HOME", "PREK_HOME"):
        monkeypatch.setenv(name, str(kept / name.lower()))
    return program(request.param)


def test_our_hooks_are_tried_from_the_repository(
    framework: str, repo: GitRepo, sources: Path
) -> None:
    repo.commit("first", a_txt="one\n")
    repo.stage("a.txt", f"{DECOY}\n")
    repo.write("a.txt", f"{KEY}\n")  # in the work tree alone
    done = run(framework, "try-repo", sources, "keyfuse")
    assert done.code == 0, done.out
    repo.stage("a.txt", f"1\n{KEY}\n")
    repo.write("a.txt", "clean again\n")
    done = run(framework, "try-repo", sources, "keyfuse")
    assert done.code == 1, done.out
    assert "a.txt:2:1" in done.out
    assert KEY not in done.out


def installed(framework: str, repo: GitRepo, sources: Path) -> None:
    """Install what `keyfuse init` writes, with our hooks from the copy of this repository."""
    wishes = Wishes(hook="pre-commit", source=Source("acme/keyfuse", "0" * 40))
    (text,) = [entry.text for entry in proposals(repo.path, wishes) if entry.path == HOOKS]
    config = yaml.safe_load(text)
    config["repos"][0] |= {
        "repo": str(sources),
        "rev": subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=sources, capture_output=True, text=True, check=True
        ).stdout.strip(),
    }
    repo.stage(HOOKS, yaml.safe_dump(config))
    repo.commit("set up")
    done = run(framework, "install", "--install-hooks")
    assert done.code == 0, done.out


def commit(*arguments: str) -> Done:
    return run("git", "commit", "-q", *arguments)


def test_commits_messages_and_pushes_are_judged(
    framework: str, repo: GitRepo, sources: Path, planted: Path
) -> None:
    installed(framework, repo, sources)
    remote = planted / "remote.git"
    repo.git("init", "-q", "--bare", str(remote))
    repo.git("remote", "add", "origin", str(remote))
    repo.git("push", "-q", "--no-verify", "origin", "main")

    repo.stage("a.txt", f"{DECOY}\n")
    done = commit("-m", "a decoy")
    assert done.code == 0, done.out
    repo.stage("b.txt", f"{KEY}\n")
    done = commit("-m", "a key")
    assert done.code == 1
    assert "b.txt:1:1" in done.out
    repo.git("reset", "-q", "b.txt")
    done = commit("--allow-empty", "-m", f"with {OTHER}")
    assert done.code == 1
    assert "commit-message" in done.out

    done = run("git", "push", "-q", "origin", "main")
    assert done.code == 0, done.out
    repo.git("commit", "-q", "--no-verify", "--allow-empty", "-m", f"with {OTHER}")
    repo.commit("later", c_txt="nothing\n")
    done = run("git", "push", "-q", "origin", "main")
    assert done.code == 1
    assert "commit-message" in done.out
    done = run("git", "push", "-q", "origin", "main:topic")
    assert done.code == 1, "a new branch"
    assert KEY not in done.out
    assert OTHER not in done.out
