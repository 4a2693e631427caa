"""The pre-commit hook, with real commits."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from keyfuse_scanner import spawning
from keyfuse_scanner.glance import glance
from support.keys import make_key

KEY = make_key().reveal()


@pytest.fixture
def program(planted, monkeypatch):
    """Return a `keyfuse` that runs this source tree."""
    path = planted / "bin dir" / "keyfuse"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m keyfuse_scanner "$@"\n')
    path.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(path)])
    return path


def commit(repo):
    return subprocess.run(
        ["git", "commit", "-m", "x"], cwd=repo.path, capture_output=True, text=True, check=False
    )


def test_a_commit_with_a_key_is_stopped_and_the_way_out_is_shown(repo, keyfuse, program):
    done = keyfuse("hook", "install")
    assert (done.code, done.err) == (0, "")
    repo.stage("a", f"x\n{KEY}")
    stopped = commit(repo)
    assert stopped.returncode == 1
    assert stopped.stderr.startswith("a:2:1: keyfuse API key (critical)\n")
    assert f"keyfuse keys revoke {KEY[-48:-38]}\n" in stopped.stderr
    assert "git commit --no-verify" in stopped.stderr
    assert KEY not in stopped.stderr
    repo.stage("a", "clean")
    assert commit(repo).returncode == 0


@pytest.mark.skipif(not spawning.CAN_SPAWN, reason="this system starts no such process")
@pytest.mark.parametrize(
    ("policy", "known"), [('only = ["npm-access-token"]', True), ("no policy", False)]
)
def test_the_first_commit_does_not_wait_for_the_rules(
    repo, keyfuse, program, planted, monkeypatch, policy, known
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(planted / "cache"))
    repo.commit()
    repo.write("keyfuse.toml", f"{policy}\n")
    assert glance() is None
    assert keyfuse("hook", "install").code == 0
    assert (glance() is not None) == known


def test_where_nothing_is_staged_no_rules_are_compiled(repo, keyfuse, planted, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(planted / "cache"))
    repo.commit(a="x", b=KEY)
    repo.write("keyfuse.toml", 'only = ["npm-access-token"]\n')
    repo.git("rm", "--quiet", "b")
    assert keyfuse("hook", "run") == (0, "", "")
    assert not list((planted / "cache").rglob("engine-*"))
    repo.stage("a", "y")
    assert keyfuse("hook", "run") == (0, "", "")
    assert list((planted / "cache").rglob("engine-*"))
    repo.write("keyfuse.toml", "no policy\n")
    assert keyfuse("hook", "run").code == 2


def test_a_partial_commit_is_judged_by_its_own_index(repo, keyfuse, program):
    repo.commit(a="x", b="x")
    keyfuse("hook", "install")
    repo.write("a", "clean")
    repo.write("b", KEY)
    partial = [["commit", "-m", "x", "a"], ["commit", "-m", "x", "b"], ["commit", "-am", "x"]]
    codes = [
        subprocess.run(
            ["git", *arguments], cwd=repo.path, capture_output=True, check=False
        ).returncode
        for arguments in partial
    ]
    assert codes == [0, 1, 1]


def test_in_a_linked_worktree(repo, keyfuse, program, make_repo):
    repo.commit()
    keyfuse("hook", "install")
    repo.git("worktree", "add", "--quiet", "../linked")
    linked = repo.path.parent / "linked"
    (linked / "a").write_text(KEY)
    subprocess.run(["git", "add", "a"], cwd=linked, check=True)
    assert (
        subprocess.run(
            ["git", "commit", "-m", "x"], cwd=linked, capture_output=True, check=False
        ).returncode
        == 1
    )


def test_a_hook_that_is_there_runs_first_and_comes_back(repo, keyfuse, program):
    hook = repo.path / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    script = '#!/bin/sh\necho "before: $#" >> before.log\n[ ! -e fail ] || exit 5\n'
    hook.write_text(script)
    hook.chmod(0o755)
    assert "runs first" in keyfuse("hook", "install").out
    assert "runs first" in keyfuse("hook", "install").out
    repo.stage("a", KEY)
    assert commit(repo).returncode == 1
    assert (repo.path / "before.log").read_text() == "before: 0\n"
    repo.stage("a", "clean")
    repo.write("fail", "")
    assert commit(repo).returncode != 0
    (repo.path / "fail").unlink()
    assert commit(repo).returncode == 0
    assert keyfuse("hook", "uninstall").out == "removed\n"
    assert hook.read_text() == script
    assert not hook.with_name("pre-commit.before-keyfuse").exists()
    done = keyfuse("hook", "uninstall")
    assert done.code == 2
    assert "not the hook of keyfuse" in done.err


def test_a_hook_put_over_ours_is_not_chained_twice(repo, keyfuse, program):
    hook = repo.path / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\n# first\n")
    keyfuse("hook", "install")
    hook.write_text("#!/bin/sh\n# second\n")
    done = keyfuse("hook", "install")
    assert done.code == 2
    assert "keep one of them" in done.err
    assert "second" in hook.read_text()


def test_uninstall_leaves_nothing_behind(repo, keyfuse, program):
    assert keyfuse("hook", "uninstall").out == "there is no hook to remove\n"
    keyfuse("hook", "install")
    hooks = repo.path / ".git/hooks"
    assert (hooks / "pre-commit").stat().st_mode & 0o111
    assert keyfuse("hook", "uninstall").code == 0
    assert [path.name for path in hooks.iterdir() if not path.name.endswith(".sample")] == []


def test_a_hooks_folder_of_this_repository_is_respected(repo, keyfuse, program):
    repo.git("config", "core.hooksPath", "my hooks")
    keyfuse("hook", "install")
    assert (repo.path / "my hooks/pre-commit").exists()
    repo.stage("a", KEY)
    assert commit(repo).returncode == 1


def test_a_hooks_folder_of_all_repositories_is_refused(repo, keyfuse, program, planted):
    subprocess.run(
        ["git", "config", "--global", "core.hooksPath", str(planted / "all")], check=True
    )
    done = keyfuse("hook", "install")
    assert done.code == 2
    assert "global" in done.err
    assert done.err.count("\n") == 1
    assert not (planted / "all").exists()


def test_a_hooks_folder_that_cannot_be_written_is_refused(repo, keyfuse, program):
    hooks = repo.path / ".git/hooks"
    shutil.rmtree(hooks, ignore_errors=True)
    hooks.write_text("a file")
    done = keyfuse("hook", "install")
    assert done.code == 2
    assert done.err.count("\n") == 1


def test_a_hook_that_cannot_be_removed_is_refused(repo, keyfuse, program):
    keyfuse("hook", "install")
    hook = repo.path / ".git/hooks/pre-commit"
    before = hook.with_name("pre-commit.before-keyfuse")
    before.mkdir()
    done = keyfuse("hook", "uninstall")
    assert done.code == 2
    assert hook.exists()
    hook.unlink()
    hook.mkdir()
    assert keyfuse("hook", "uninstall").code == 2


def test_a_program_that_has_gone_away_is_looked_up_or_stops_the_commit(
    repo, keyfuse, program, monkeypatch
):
    keyfuse("hook", "install")
    moved = program.parent.parent / "other" / "keyfuse"
    moved.parent.mkdir()
    program.rename(moved)
    repo.stage("a", "clean")
    gone = commit(repo)
    if shutil.which("keyfuse") is None:
        assert gone.returncode == 1
        assert "nothing was scanned" in gone.stderr
    monkeypatch.setenv("PATH", f"{moved.parent}:{os.environ['PATH']}")
    repo.stage("a", KEY)
    assert commit(repo).returncode == 1


def test_without_a_console_script_the_one_on_the_path_is_named(repo, keyfuse, program, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["python"])
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    keyfuse("hook", "install")
    assert str(program) in (repo.path / ".git/hooks/pre-commit").read_text()


def test_outside_of_a_repository(planted, keyfuse, monkeypatch):
    monkeypatch.chdir(planted)
    for arguments in (["install"], ["uninstall"], ["run"]):
        done = keyfuse("hook", *arguments)
        assert done.code == 2
        assert "not a git repository" in done.err


def test_what_cannot_be_scanned_stops_the_commit(repo, keyfuse):
    repo.write("keyfuse.toml", "max_file_size = 10\n")
    repo.stage("a", "x" * 11)
    done = keyfuse("hook", "run")
    assert done.code == 3
    assert done.err.startswith("keyfuse: a: 11 bytes, over the limit\n")


def test_the_short_way_and_click_agree(repo, keyfuse):
    from keyfuse_scanner.main import _run_click

    repo.stage("a", KEY)
    assert keyfuse("hook", "run").code == _run_click(["hook", "run"]) == 1
    repo.stage("a", "clean")
    assert keyfuse("hook", "run") == (0, "", "")
    assert _run_click(["hook", "run"]) == 0


def test_programs_are_told_in_json(repo, keyfuse, program):
    repo.write(".git/hooks/pre-commit", "#!/bin/sh\n")
    installed = json.loads(keyfuse("hook", "install", "--json").out)
    assert installed == {"path": str(repo.path / ".git/hooks/pre-commit"), "chained": True}
    assert json.loads(keyfuse("hook", "uninstall", "--json").out) == {"removed": True}
    (repo.path / ".git/hooks/pre-commit").unlink()
    assert json.loads(keyfuse("hook", "uninstall", "--json").out) == {"removed": False}
