"""Nothing in a repository is executed, fetched or followed, whatever its owner wrote there."""

import os
import subprocess

import pytest

from keyfuse_scanner import git
from keyfuse_scanner.errors import GitFailed, GitMissing, NotARepository
from keyfuse_scanner.git import Repository
from support.keys import make_key

KEYS = [make_key(seed=seed).reveal() for seed in range(4)]
KEY = KEYS[0]


@pytest.fixture
def trap(repo):
    """Return a program that leaves a trace when it is run."""
    program = repo.path.parent / "trap"
    program.write_text(f'#!/bin/sh\necho "$0 $@" >> {program}.sprung\ncat\n')
    program.chmod(0o755)
    return program


def sprung(trap):
    trace = trap.with_name("trap.sprung")
    return trace.read_text() if trace.exists() else ""


def scan_in_every_way(scan):
    yield scan("staged")
    yield scan("history")
    yield scan("history", branch="HEAD")
    yield scan("range", "HEAD~1..HEAD")
    yield scan("files", ["."])


SETTINGS = [
    "core.fsmonitor", "core.pager", "core.sshCommand", "core.askPass", "core.editor",
    "core.alternateRefsCommand", "core.gitProxy", "diff.external", "diff.trap.command",
    "diff.trap.textconv", "filter.trap.clean", "filter.trap.smudge", "filter.trap.process",
    "merge.trap.driver", "gpg.program", "gpg.ssh.program", "credential.helper",
    "interactive.diffFilter", "pager.log", "pager.config", "uploadpack.packObjectsHook",
    "sequence.editor", "trailer.sign.command",
]  # fmt: skip


def test_no_setting_attribute_hook_or_alias_is_executed(repo, trap, scan, keyfuse):
    repo.commit(a_txt="x")
    repo.stage(".gitattributes", "* filter=trap diff=trap merge=trap\n")
    repo.git("config", "user.signingKey", "x")
    signed = (
        f"tree {repo.git('rev-parse', 'HEAD^{tree}')}\nparent {repo.git('rev-parse', 'HEAD')}\n"
        f"author A <a> 1 +0000\ncommitter A <a> 1 +0000\n"
        "gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n\n"
        f"signed {KEYS[1]}\n"
    )
    commit = repo.git("hash-object", "-t", "commit", "-w", "--stdin", feed=signed.encode())
    repo.git("reset", "--quiet", "--soft", commit)
    repo.stage("b.txt", KEY)
    for name in SETTINGS:
        repo.git("config", name, str(trap))
    for name in (
        "rev-list",
        "cat-file",
        "log",
        "diff-index",
        "ls-files",
        "for-each-ref",
        "rev-parse",
    ):
        repo.git("config", f"alias.{name}", f"!{trap}")
    for name, value in {
        "log.showSignature": "true",
        "diff.orderFile": "nosuch",
        "log.showRoot": "false",
        "diff.renames": "copies",
        "log.diffMerges": "off",
        "log.follow": "true",
        "core.quotePath": "true",
        "log.date": "relative",
        "color.ui": "always",
        "core.abbrev": "4",
        "format.pretty": "oneline",
    }.items():
        repo.git("config", name, value)
    hooks = repo.path / ".git/hooks"
    for name in (
        "post-index-change",
        "fsmonitor-watchman",
        "reference-transaction",
        "pre-commit",
        "post-checkout",
    ):
        (hooks / name).write_bytes(trap.read_bytes())
        (hooks / name).chmod(0o755)
    results = list(scan_in_every_way(scan))
    assert sprung(trap) == ""
    assert [len(result.findings) for result in results] == [1, 2, 1, 1, 1]
    assert all(result.complete for result in results)
    assert keyfuse("hook", "run").code == 1
    assert sprung(trap) == ""


def test_a_partial_clone_fetches_nothing_and_is_incomplete(repo, trap, monkeypatch, scan):
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.git("config", "uploadpack.allowAnySHA1InWant", "true")
    repo.commit(a_txt="one")
    repo.commit(a_txt="two")
    clone = repo.path.parent / "partial"
    repo.git(
        "clone", "--quiet", "--no-checkout", "--filter=blob:none", f"file://{repo.path}", str(clone)
    )
    subprocess.run(["git", "config", "remote.origin.uploadpack", str(trap)], cwd=clone, check=True)
    monkeypatch.chdir(clone)
    for result in (scan("history"), scan("range", "HEAD~1..HEAD")):
        assert not result.complete
        assert "missing object" in {error.message for error in result.errors}
    assert sprung(trap) == ""


def test_names_of_refs_and_files_are_no_options_and_cannot_forge_output(repo, scan):
    repo.commit(a_txt="x")
    head = repo.git("rev-parse", "HEAD")
    for name in ("--all", "-x", "--output=owned", "a b", "ünï"):
        if " " not in name:
            repo.git("update-ref", f"refs/heads/{name}", head)
    names = [
        b"--all",
        b"-O",
        b":(top)x",
        b"a\n100644 blob x",
        b"\x1b[2J",
        b"caf\xe9",
        b"a\tb",
        b"*",
    ]
    for name in names:
        repo.git(
            "update-index",
            "--add",
            "--cacheinfo",
            b"100644,%s,%s"
            % (repo.git("hash-object", "-w", "--stdin", feed=KEY.encode()).encode(), name),
        )
    repo.git("commit", "--quiet", "--message", "names")
    result = scan("history")
    expected = sorted(name.decode("utf-8", "keyfuse-percent") for name in names)
    assert [finding.path for finding in result.findings] == expected
    assert result.complete
    assert scan("history", branch="refs/heads/--output=owned").objects == 3
    assert not (repo.path / "owned").exists()


def test_a_branch_called_like_an_option_is_no_option(repo, keyfuse):
    repo.commit(a_txt="x")
    done = keyfuse("scan", "--history", "--branch=--output=owned")
    assert done.code == 2
    assert not (repo.path / "owned").exists()


def test_terminal_escapes_are_shown_harmlessly(repo, keyfuse):
    repo.write("a\x1b]0;owned\x07\u202eb", f"x\n{KEY}")
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "x", "--author", "E\x1b[31mve <e@x>")
    for mode in ([], ["--history"]):
        done = keyfuse("scan", *mode)
        assert done.code == 1
        assert not set(done.out) & set("\x1b\x07\u202e")
        assert "a\\x1b]0;owned\\x07\\u202eb:2:1" in done.out
    assert "E\\x1b[31mve" in done.out


def test_replaced_objects_do_not_hide_what_they_replace(repo, scan):
    repo.commit(a_txt=KEY)
    clean = repo.git("hash-object", "-w", "--stdin", feed=b"clean")
    repo.git("replace", repo.git("rev-parse", "HEAD:a.txt"), clean)
    assert [finding.path for finding in scan("history").findings] == ["a.txt"]


def test_a_repository_of_somebody_else_is_refused_as_git_does(repo, keyfuse):
    if os.geteuid() != 0:
        pytest.skip("needs root to give a folder away")
    repo.commit(a_txt=KEY)
    os.chown(repo.path, 12345, 12345)
    os.chown(repo.path / ".git", 12345, 12345)
    for mode in ("--history", "--staged", "--range=HEAD..HEAD"):
        done = keyfuse("scan", mode)
        assert done.code == 2
        assert "dubious ownership" in done.err
        assert done.err.count("\n") == 1
    subprocess.run(["git", "config", "--global", "safe.directory", str(repo.path)], check=True)
    assert keyfuse("scan", "--history").code == 1


def test_no_git_is_one_clear_line(repo, keyfuse, monkeypatch):
    monkeypatch.setenv("PATH", str(repo.path))
    done = keyfuse("scan", "--history")
    assert done.code == 2
    assert done.err == "keyfuse: git is not on the search path; install it or extend PATH\n"
    with pytest.raises(GitMissing):
        git.run(Repository(), "version")


def test_what_git_refuses_has_its_reason(repo, tmp_path):
    with pytest.raises(GitFailed, match="rev-list failed: ambiguous argument 'nosuch'"):
        git.run(Repository(), "rev-list", "nosuch")
    with pytest.raises(NotARepository, match="not a git repository"):
        git.run(Repository(str(tmp_path)), "rev-list", "--all")


def fake_git(repo, monkeypatch, script):
    """Put a program in front of git that does something else for one command."""
    folder = repo.path.parent / "bin"
    folder.mkdir()
    real = subprocess.run(["sh", "-c", "command -v git"], capture_output=True, check=True).stdout
    program = folder / "git"
    program.write_text(f'#!/bin/sh\nreal={real.decode().strip()}\n{script}\nexec $real "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_a_reader_that_always_dies_makes_the_scan_incomplete(repo, monkeypatch, scan):
    repo.commit(a_txt=KEY)
    fake_git(repo, monkeypatch, 'case "$*" in *" --batch --buffer") kill -9 $$;; esac')
    result = scan("history")
    assert not result.complete
    assert "damaged object: exit code -9" in {error.message for error in result.errors}


@pytest.mark.parametrize("hashes", ["sha1", "sha256"])
def test_a_reader_that_dies_once_is_started_again(make_repo, monkeypatch, scan, hashes):
    repo = make_repo("made", f"--object-format={hashes}")
    monkeypatch.chdir(repo.path)
    repo.commit(a_txt=f"{KEY}\n{'x' * 3000}", b_txt="x" * 3000)
    flag = repo.path.parent / "died"
    fake_git(
        repo,
        monkeypatch,
        f'case "$*" in *" --batch --buffer") if [ ! -e {flag} ]; then touch {flag};'
        ' $real "$@" | head -c 300; exit 9; fi;; esac',
    )
    result = scan("history")
    assert flag.exists()
    assert result.complete
    assert len(result.findings) == 1


def test_a_reader_that_dies_within_a_commit_is_started_again(repo, monkeypatch, scan):
    repo.commit(a_txt="nothing")
    repo.commit(a_txt=KEY)
    flag = repo.path.parent / "died"
    fake_git(
        repo,
        monkeypatch,
        f'case "$*" in *" --batch --buffer") if [ ! -e {flag} ]; then touch {flag};'
        ' $real "$@" | head -c 100; exit 9; fi;; esac',
    )
    result = scan("range", "HEAD~1..HEAD")
    assert flag.exists()
    assert result.complete
    assert len(result.findings) == 1


def test_a_walk_or_list_that_dies_makes_the_scan_incomplete(make_repo, monkeypatch, scan):
    repo = make_repo("made", "--object-format=sha256")
    monkeypatch.chdir(repo.path)
    repo.commit(a_txt=KEY)
    fake_git(
        repo, monkeypatch, 'case "$*" in *--quiet*|*batch-check*|*for-each-ref*) exit 7;; esac'
    )
    result = scan("history")
    assert result.findings == []
    assert {error.message.split(" failed")[0] for error in result.errors} == {
        "loose objects of another hash function; git finds nothing there either",
        "git rev-list",
        "git for-each-ref",
    }


def test_findings_remain_when_their_commits_cannot_be_told(repo, monkeypatch, scan):
    repo.commit(a_txt=KEY)
    fake_git(
        repo, monkeypatch, 'case "$*" in *" log "*) exit 7;; *"rev-list --glob"*) exit 7;; esac'
    )
    result = scan("history")
    assert len(result.findings) == 1
    assert not result.complete


def test_more_damaged_objects_than_worth_restarting_for(repo, monkeypatch, scan):
    monkeypatch.setattr("keyfuse_scanner.objects._DAMAGED_MAX", 2)
    for name in ("a", "b", "c", "d"):
        repo.stage(name, name * 200)
        path = repo.loose(repo.git("rev-parse", f":{name}"))
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-6])
    result = scan("staged")
    assert [error.message.split(":")[0] for error in result.errors] == [
        "damaged object",
        "damaged object",
        "2 objects left out",
    ]
