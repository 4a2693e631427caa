"""Hooks beside pre-commit: messages, pushes, a server; and one for all repositories."""

import subprocess
import sys

import pytest
import yaml

from keyfuse_scanner.sources.revisions import new_range
from support.keys import make_key
from support.project import ROOT

KEY, OTHER, THIRD = (make_key(seed=seed).reveal() for seed in range(3))


@pytest.fixture
def program(planted, monkeypatch):
    """Return a `keyfuse` that runs this source tree."""
    path = planted / "bin" / "keyfuse"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m keyfuse_scanner "$@"\n')
    path.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(path)])
    return path


@pytest.fixture
def remote(repo, make_repo):
    """Return a bare repository that `origin` names and that has the branch main."""
    bare = make_repo("remote", "--bare")
    repo.commit(old_txt=OTHER)
    repo.git("remote", "add", "origin", str(bare.path))
    repo.git("push", "--quiet", "origin", "main")
    return bare


def hook(folder, name, program, arguments):
    path = folder / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec "{program}" hook {arguments}\n')
    path.chmod(0o755)


def push(repo, *arguments):
    return subprocess.run(
        ["git", "push", *arguments], cwd=repo.path, capture_output=True, text=True, check=False
    )


def test_a_message_with_a_key_is_stopped(repo, keyfuse):
    repo.write("MSG", f"Fix it\n\nwith {KEY}\n")
    done = keyfuse("hook", "message", "MSG")
    assert done.code == 1
    assert "Take it out of the message" in done.err
    assert KEY not in done.err
    repo.write("MSG", "Fix it\n# ------------------------ >8 ------------------------\n-" + KEY)
    assert keyfuse("hook", "message", "MSG").code == 0
    assert keyfuse("hook", "message", "nosuch").code == 2


def test_a_real_commit_with_a_key_in_its_message(repo, program):
    hook(repo.path / ".git", "commit-msg", program, 'message "$1"')
    for message, code in ((KEY, 1), ("fine", 0)):
        done = subprocess.run(
            ["git", "commit", "--allow-empty", "-m", message],
            cwd=repo.path,
            capture_output=True,
            check=False,
        )
        assert done.returncode == code


def test_a_push_is_judged_by_what_it_brings(repo, remote, program):
    hook(repo.path / ".git", "pre-push", program, 'pre-push "$@"')
    repo.git("checkout", "--quiet", "-b", "new")
    repo.commit(old_txt=f"{OTHER} edited", a_txt="x")
    assert push(repo, "origin", "new").returncode == 0
    repo.commit(a_txt=KEY)
    repo.commit(a_txt="clean again")
    for arguments in (["origin", "new"], ["--force", "origin", "new:elsewhere"]):
        done = push(repo, *arguments)
        assert done.returncode != 0
        assert "a.txt:1:1: keyfuse API key" in done.stderr
        assert "git push --no-verify" in done.stderr
        assert OTHER[-48:-38] not in done.stderr
    repo.git("reset", "--quiet", "--hard", "HEAD~2")
    repo.git("tag", "-a", "v1", "-m", "fine")
    assert push(repo, "origin", "v1").returncode == 0
    repo.git("tag", "-a", "v2", "-m", KEY)
    assert push(repo, "origin", "v2").returncode != 0
    assert push(repo, "origin", ":new").returncode == 0


@pytest.mark.parametrize("source", ["white\N{NO-BREAK SPACE}space", "HEAD^{/with spaces}"])
def test_a_push_of_something_with_spaces_in_its_name_is_judged(repo, remote, program, source):
    hook(repo.path / ".git", "pre-push", program, 'pre-push "$@"')
    repo.git("checkout", "--quiet", "-b", "white\N{NO-BREAK SPACE}space")
    repo.commit(a_txt=KEY)
    repo.git("commit", "--quiet", "--allow-empty", "-m", "with spaces")
    done = push(repo, "origin", f"{source}:refs/heads/new")
    assert done.returncode != 0
    assert "a.txt:1:1: keyfuse API key" in done.stderr


def test_a_push_to_an_address_counts_all_remotes(repo, remote, make_repo, program):
    other = make_repo("second", "--bare")
    hook(repo.path / ".git", "pre-push", program, 'pre-push "$@"')
    assert push(repo, other.path.as_uri(), "main").returncode == 0
    assert push(repo, other.path.as_uri(), "main:again").returncode == 0


def test_under_pre_commit_the_range_is_in_the_environment(repo, keyfuse, monkeypatch):
    base = repo.commit(a_txt=OTHER)
    repo.commit(b_txt=KEY)
    monkeypatch.setenv("PRE_COMMIT_FROM_REF", base)
    monkeypatch.setenv("PRE_COMMIT_TO_REF", "HEAD")
    done = keyfuse("hook", "pre-push", "origin", "url")
    assert done.code == 1
    assert OTHER[-48:-38] not in done.err
    monkeypatch.delenv("PRE_COMMIT_FROM_REF")
    monkeypatch.setenv("PRE_COMMIT_REMOTE_NAME", "origin")
    monkeypatch.setenv("PRE_COMMIT_LOCAL_BRANCH", "refs/heads/main")
    assert OTHER[-48:-38] in keyfuse("hook", "pre-push", "origin", "url").err


def test_a_server_refuses_a_push_with_a_key(repo, remote, program):
    hook(remote.path, "pre-receive", program, "pre-receive")
    repo.git("checkout", "--quiet", "-b", "new")
    repo.commit(a_txt=f"{KEY}  # keyfuse:allow\n", keyfuse_toml='ignores = ["**"]\n')
    done = push(repo, "origin", "new", "main:elsewhere")
    assert done.returncode != 0
    assert "remote: a.txt:1:1: keyfuse API key" in done.stderr
    assert "no-verify" not in done.stderr
    assert remote.git("for-each-ref", "--format=%(refname)") == "refs/heads/main"
    assert push(repo, "origin", "main:elsewhere").returncode == 0
    assert push(repo, "origin", ":elsewhere").returncode == 0


def test_a_server_refuses_a_tag_of_a_blob_and_a_note(repo, remote, program):
    hook(remote.path, "pre-receive", program, "pre-receive")
    repo.write("x", KEY)
    blob = repo.git("hash-object", "-w", "x")
    repo.git("tag", "blob", blob)
    assert push(repo, "origin", "blob").returncode != 0
    repo.git("notes", "add", "-m", THIRD, "HEAD")
    assert push(repo, "origin", "refs/notes/commits").returncode != 0


def test_a_server_has_a_policy_of_its_own(repo, remote, program, planted):
    (planted / "server.toml").write_text('only = ["npm-access-token"]\n')
    hook(remote.path, "pre-receive", program, f"pre-receive --config {planted}/server.toml")
    repo.commit(a_txt=KEY)
    assert push(repo, "origin", "main").returncode == 0


def test_what_branches_off_in_two_places_has_two_old_sides(repo):
    one = repo.commit(a_txt="1")
    repo.git("checkout", "--quiet", "-b", "side")
    two = repo.commit(b_txt="2")
    repo.git("checkout", "--quiet", "main")
    repo.commit(c_txt="3")
    repo.git("update-ref", "refs/remotes/origin/side", two)
    repo.git("update-ref", "refs/remotes/origin/main", one)
    repo.git("merge", "--quiet", "--no-edit", "side")
    from keyfuse_scanner.git import Repository

    wanted = new_range(Repository(), repo.git("rev-parse", "HEAD"), "--remotes")
    assert {wanted.old, *wanted.others} == {one, two}
    assert new_range(Repository(), two, "--remotes").new is None


def test_one_hook_for_all_repositories(repo, make_repo, keyfuse, program):
    own = repo.path / ".git/hooks"
    for name in ("pre-commit", "commit-msg"):
        (own / name).write_text(f"#!/bin/sh\necho {name} >> ran.log\n[ ! -e stop ]\n")
        (own / name).chmod(0o755)
    done = keyfuse("hook", "install", "--global")
    assert done.code == 0
    folder = repo.git("config", "--global", "core.hooksPath")
    assert folder.endswith("keyfuse/hooks")

    def commit():
        return subprocess.run(
            ["git", "commit", "--allow-empty", "-m", "x"],
            cwd=repo.path,
            capture_output=True,
            check=False,
        ).returncode

    repo.stage("a", KEY)
    assert commit() == 1
    repo.stage("a", "clean")
    assert commit() == 0
    log = (repo.path / "ran.log").read_text().split()
    assert log == ["pre-commit", "pre-commit", "commit-msg"]
    repo.write("stop", "")
    assert commit() == 1
    assert keyfuse("hook", "install").code == 2
    assert keyfuse("hook", "install", "--global").code == 0
    assert keyfuse("hook", "uninstall", "--global").out == "removed\n"
    assert repo.git("config", "--global", "core.hooksPath", check=False) == ""
    assert keyfuse("hook", "uninstall", "--global").out == "there is no hook to remove\n"


def test_a_folder_for_all_repositories_that_is_there_is_used(repo, keyfuse, program, planted):
    folder = planted / "all hooks"
    folder.mkdir()
    (folder / "pre-commit").write_text("#!/bin/sh\necho before >> ran.log\n")
    (folder / "pre-commit").chmod(0o755)
    repo.git("config", "--global", "core.hooksPath", str(folder))
    assert "runs first" in keyfuse("hook", "install", "--global").out
    repo.stage("a", KEY)
    done = subprocess.run(["git", "commit", "-m", "x"], cwd=repo.path, check=False)
    assert done.returncode == 1
    assert (repo.path / "ran.log").read_text() == "before\n"
    assert keyfuse("hook", "uninstall", "--global").out == "removed\n"
    assert "before" in (folder / "pre-commit").read_text()
    assert repo.git("config", "--global", "core.hooksPath") == str(folder)


def test_the_hooks_for_pre_commit_call_what_exists(keyfuse):
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert [entry["id"] for entry in hooks] == ["keyfuse", "keyfuse-push", "keyfuse-message"]
    for entry in hooks:
        command, *words = entry["entry"].split()
        assert command == "keyfuse"
        assert keyfuse(*words, "--help").code == 0
        assert entry.get("pass_filenames", True) is (entry["id"] == "keyfuse-message")


@pytest.mark.parametrize("name", ["pre-push", "pre-receive"])
def test_the_name_of_a_new_branch_may_hold_no_key(repo, remote, program, name):
    folder = repo.path / ".git" if name == "pre-push" else remote.path
    hook(folder, name, program, name)
    done = push(repo, "origin", f"main:{KEY}")
    assert done.returncode != 0
    assert "keyfuse API key" in done.stderr
    no_utf8 = ["git", "push", "origin", b"main:refs/heads/\xff"]
    assert subprocess.run(no_utf8, cwd=repo.path, check=False).returncode == 0
    remote.git("branch", KEY, "main")
    assert push(repo, "origin", f":{KEY}").returncode == 0
