"""What is staged in more than fifty situations: the planted key stops it, the decoy does not.

The decoys are keys as well: one that HEAD or the other side of a merge has, one that is not staged,
one with a wrong checksum.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from support.keys import break_checksum, make_key

KEY, DECOY = (make_key(seed=seed).reveal() for seed in range(2))
FALSE = break_checksum(make_key(seed=2).reveal())
SITUATIONS = {}


def situation(function):
    SITUATIONS[function.__name__] = function
    return function


@situation
def first_commit(repo):
    repo.write("untracked", DECOY)
    repo.stage("a", KEY)


@situation
def new_file_beside_a_known_key(repo):
    repo.commit(old_txt=DECOY)
    repo.stage("a", KEY)


@situation
def changed_file_that_has_a_known_key(repo):
    repo.commit(a_txt=f"{DECOY}\n")
    repo.stage("a.txt", f"{DECOY}\n{KEY}\n")


@situation
def staged_but_cleaned_in_the_work_tree(repo):
    repo.stage("a", KEY)
    repo.write("a", DECOY)


@situation
def one_hunk_of_two_is_staged(repo):
    repo.commit(a_txt="1\n2\n3\n4\n5\n6\n7\n8\n9\n")
    repo.stage("a.txt", f"{KEY}\n2\n3\n4\n5\n6\n7\n8\n9\n")
    repo.write("a.txt", f"{KEY}\n2\n3\n4\n5\n6\n7\n8\n{DECOY}\n")


@situation
def renamed_with_a_new_key(repo):
    repo.commit(a_txt=f"{DECOY}\n" + "line\n" * 30)
    repo.git("mv", "a.txt", "b.txt")
    repo.stage("b.txt", f"{DECOY}\n" + "line\n" * 30 + KEY)


@situation
def copied_while_another_is_renamed(repo):
    repo.commit(a_txt=KEY, c_txt=DECOY)
    repo.stage("b.txt", KEY)
    repo.git("mv", "c.txt", "d.txt")


@situation
def deleted_beside_a_new_one(repo):
    repo.commit(a_txt=DECOY)
    repo.git("rm", "--quiet", "a.txt")
    repo.stage("b", KEY)


@situation
def mode_change(repo):
    repo.commit(a_txt=DECOY)
    (repo.path / "a.txt").chmod(0o755)
    repo.git("add", "a.txt")
    repo.stage("b", KEY)


@situation
def symbolic_link(repo):
    repo.commit()
    (repo.path / "link").symlink_to(KEY)
    repo.git("add", "link")
    repo.write("target", DECOY)


@situation
def file_becomes_a_link(repo):
    repo.commit(a_txt=DECOY)
    (repo.path / "a.txt").unlink()
    (repo.path / "a.txt").symlink_to(f"x{KEY}")
    repo.git("add", "a.txt")


@situation
def submodule(repo):
    other = repo.path.parent / "other"
    other.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=other, check=True)
    (other / "a").write_text(DECOY)
    subprocess.run(["git", "add", "a"], cwd=other, check=True)
    subprocess.run(["git", "commit", "-qm", "x"], cwd=other, check=True)
    add = ["submodule", "--quiet", "add", str(other), "sub"]
    repo.git("-c", "protocol.file.allow=always", *add)
    repo.stage("a", KEY)


@situation
def linked_worktree(repo, monkeypatch):
    repo.commit()
    repo.git("worktree", "add", "--quiet", "../linked")
    repo.stage("decoy", DECOY)
    linked = repo.path.parent / "linked"
    (linked / "a").write_text(KEY)
    subprocess.run(["git", "add", "a"], cwd=linked, check=True)
    monkeypatch.chdir(linked)


def begin_merge(repo, **side):
    repo.commit(base_txt="base\n")
    repo.git("checkout", "--quiet", "-b", "side")
    repo.commit(**side)
    repo.git("checkout", "--quiet", "main")
    repo.commit(c_txt="ours\n")
    repo.git("merge", "--quiet", "--no-commit", "--no-ff", "side", check=False)


@situation
def merge_in_progress(repo):
    begin_merge(repo, b_txt=DECOY)
    repo.stage("d", KEY)


@situation
def merge_that_edits_a_merged_file(repo):
    begin_merge(repo, b_txt=f"{DECOY}\n")
    repo.stage("b.txt", f"{DECOY}\n{KEY}\n")


@situation
def conflict_that_is_resolved(repo):
    begin_merge(repo, c_txt=f"{DECOY}\n")
    repo.stage("c.txt", f"{DECOY}\n{KEY}\n")


@situation
def conflict_that_is_not_resolved(repo):
    repo.commit(a_txt="base\n")
    repo.git("checkout", "--quiet", "-b", "side")
    repo.commit(a_txt=f"{KEY}\n")
    repo.git("checkout", "--quiet", "main")
    repo.commit(a_txt=f"{DECOY}\n")
    repo.git("merge", "side", check=False)
    (repo.path / ".git/MERGE_HEAD").unlink()


@situation
def cherry_pick_in_progress(repo):
    repo.commit(a_txt="x")
    repo.git("checkout", "--quiet", "-b", "side")
    repo.commit(b_txt=KEY)
    repo.git("checkout", "--quiet", "main")
    repo.commit(d_txt=DECOY)
    repo.git("cherry-pick", "--no-commit", "side")


@situation
def amend(repo):
    repo.commit(a_txt="x", d_txt=DECOY)
    repo.stage("a.txt", KEY)


@situation
def detached_head(repo):
    repo.commit(d_txt=DECOY)
    repo.git("checkout", "--quiet", "--detach")
    repo.stage("a", KEY)


@situation
def orphan_branch(repo):
    repo.commit(a_txt=KEY)
    repo.git("checkout", "--quiet", "--orphan", "new")
    repo.write("untracked", DECOY)


@situation
def intent_to_add(repo):
    repo.commit()
    repo.write("later", DECOY)
    repo.git("add", "--intent-to-add", "later")
    repo.stage("now", KEY)


@situation
def ignored_but_forced(repo):
    repo.stage(".gitignore", "*.env\n")
    repo.write("b.env", DECOY)
    repo.stage("a.env", KEY)


@situation
def binary(repo):
    repo.stage("a.bin", b"\0\xff\0" + KEY.encode() + b"\0")
    repo.stage("b.bin", b"\0\xff\0" + FALSE.encode())


@situation
def minus_diff_and_filters_in_attributes(repo):
    repo.stage(".gitattributes", "* -diff -text filter=nothing diff=nothing\n")
    repo.stage("a", KEY)
    repo.write("b", DECOY)


@situation
def any_bytes_in_the_name(repo):
    repo.commit(d_txt=DECOY)
    repo.stage(b"caf\xe9\n\t\"'\x1b[31m \xe2\x82\xac", KEY)


@situation
def name_that_looks_like_an_option(repo):
    repo.commit(d_txt=DECOY)
    repo.stage("--all", KEY)


@situation
def key_in_the_name(repo):
    repo.stage(f"dump-{KEY}", "nothing")
    repo.write(f"dump-{DECOY}", "nothing")


@situation
def started_in_a_folder_below(repo, monkeypatch):
    repo.stage("top", KEY)
    repo.write("sub/x", DECOY)
    monkeypatch.chdir(repo.path / "sub")


@situation
def index_of_its_own(repo, monkeypatch):
    repo.commit()
    repo.stage("decoy", DECOY)
    monkeypatch.setenv("GIT_INDEX_FILE", str(repo.path / ".git/other-index"))
    repo.git("read-tree", "HEAD")
    repo.stage("a", KEY)


@situation
def sparse_checkout_and_skip_worktree(repo):
    repo.commit(a_txt="x", d_txt=DECOY)
    repo.stage("a.txt", KEY)
    repo.git("update-index", "--skip-worktree", "a.txt", "d.txt")
    (repo.path / "a.txt").unlink()


@situation
def file_larger_than_a_piece(repo):
    repo.stage("big", b"x" * 5_000_000 + b" " + KEY.encode() + b"\n" + FALSE.encode())


@situation
def key_that_is_taken_away(repo):
    repo.commit(a_txt=f"{DECOY}\n")
    repo.stage("a.txt", f"{KEY}\n")


@situation
def same_content_at_two_paths(repo):
    repo.commit(a_txt=DECOY)
    repo.stage("b", KEY)
    repo.stage("sub/c", KEY)
    repo.stage("a2.txt", "no key")


@situation
def file_becomes_a_folder(repo):
    repo.commit(a=DECOY)
    (repo.path / "a").unlink()
    repo.stage("a/b", KEY)


@situation
def folder_becomes_a_file(repo):
    repo.stage("a/b", DECOY)
    repo.commit()
    repo.git("rm", "--quiet", "a/b")
    repo.stage("a", KEY)


@situation
def link_becomes_a_file(repo):
    (repo.path / "a").symlink_to(DECOY)
    repo.git("add", "a")
    repo.commit()
    (repo.path / "a").unlink()
    repo.stage("a", f"{DECOY}{KEY}")


@situation
def utf_16(repo):
    repo.stage("a", f"key = '{KEY}'".encode("utf-16"))
    repo.stage("b", f"key = '{FALSE}'".encode("utf-16"))


@situation
def encoding_of_the_work_tree(repo):
    repo.stage(".gitattributes", "*.txt working-tree-encoding=UTF-16\n")
    repo.commit(old_txt=DECOY.encode("utf-16"))
    repo.stage("a.txt", KEY.encode("utf-16"))


@situation
def filter_that_cleans(repo):
    repo.stage(".gitattributes", "* filter=clean\n")
    repo.git("config", "filter.clean.clean", f"sed s/{DECOY}/nothing/")
    repo.stage("a", f"{DECOY}\n{KEY}\n")


@situation
def line_ends_that_are_changed(repo):
    repo.git("config", "core.autocrlf", "true")
    repo.commit(a_txt=f"{DECOY}\r\n")
    repo.stage("a.txt", f"{DECOY}\r\n{KEY}\r\n")


@situation
def split_index(repo):
    repo.commit(a_txt=DECOY)
    repo.git("update-index", "--split-index")
    repo.stage("b", KEY)
    assert list((repo.path / ".git").glob("sharedindex.*"))


@situation
def index_of_version_4(repo):
    repo.commit(a_txt=DECOY)
    repo.git("update-index", "--index-version", "4")
    repo.stage("b", KEY)


@situation
def sparse_index(repo):
    repo.stage("far/x/decoy", DECOY)
    repo.stage("near/a", "nothing")
    repo.commit()
    repo.git("sparse-checkout", "init", "--cone", "--sparse-index")
    repo.git("sparse-checkout", "set", "near")
    repo.write("near/a", KEY)
    repo.git("add", "near/a")
    assert "far/" in repo.git("ls-files", "--sparse").splitlines()


@situation
def untracked_cache_and_assumed_unchanged(repo):
    repo.commit(a_txt="x", d_txt=DECOY)
    repo.git("update-index", "--untracked-cache")
    repo.stage("a.txt", KEY)
    repo.git("update-index", "--assume-unchanged", "a.txt")
    repo.write("a.txt", DECOY)


@situation
def sha256_repository(repo):
    begin_sha256(repo)
    repo.commit(a_txt=f"{DECOY}\n")
    repo.stage("a.txt", f"{DECOY}\n{KEY}\n")


@situation
def first_commit_of_a_sha256_repository(repo):
    begin_sha256(repo)
    repo.stage("a", KEY)
    repo.write("untracked", DECOY)


def begin_sha256(repo):
    shutil.rmtree(repo.path / ".git")
    repo.git("init", "--quiet", "--object-format=sha256")


@situation
def started_in_a_submodule(repo, monkeypatch):
    submodule(repo)
    repo.stage("a", DECOY)
    monkeypatch.chdir(repo.path / "sub")
    (repo.path / "sub/b").write_text(KEY)
    subprocess.run(["git", "add", "b"], check=True)


@situation
def submodule_that_moves_on(repo):
    submodule(repo)
    repo.git("rm", "--quiet", "--cached", "a")
    repo.git("commit", "--quiet", "-m", "x")
    subprocess.run(["git", "commit", "-qm", DECOY, "--allow-empty"], cwd="sub", check=True)
    repo.git("add", "sub")
    repo.stage("b", KEY)


@situation
def git_directory_elsewhere(repo, monkeypatch):
    repo.commit(d_txt=DECOY)
    elsewhere = repo.path.parent / "elsewhere.git"
    (repo.path / ".git").rename(elsewhere)
    monkeypatch.setenv("GIT_DIR", str(elsewhere))
    monkeypatch.setenv("GIT_WORK_TREE", str(repo.path))
    repo.stage("a", KEY)


@situation
def rebase_in_progress(repo):
    repo.commit(a_txt="base\n")
    repo.git("checkout", "--quiet", "-b", "side")
    repo.commit(a_txt="side\n")
    repo.git("checkout", "--quiet", "main")
    repo.commit(a_txt=f"{DECOY}\n")
    repo.git("rebase", "--quiet", "main", "side", check=False)
    assert (repo.path / ".git/rebase-merge").is_dir()
    repo.stage("a.txt", f"{DECOY}\n{KEY}\n")


@situation
def revert_in_progress(repo):
    repo.commit(a_txt=KEY, d_txt=DECOY)
    repo.git("rm", "--quiet", "a.txt")
    repo.commit()
    repo.git("revert", "--no-commit", "HEAD")


@situation
def stash_that_is_applied(repo):
    repo.commit(a_txt="x", d_txt=DECOY)
    repo.stage("a.txt", KEY)
    repo.git("stash", "--quiet")
    repo.git("stash", "apply", "--quiet", "--index")


@situation
def objects_that_are_replaced(repo):
    repo.commit(d_txt=DECOY)
    repo.stage("a", KEY)
    other = repo.git("hash-object", "-w", "--stdin", feed=b"nothing")
    repo.git("replace", repo.git("rev-parse", ":a"), other)
    repo.git("replace", repo.git("rev-parse", "HEAD:d.txt"), other)


@situation
def packed_before_it_is_committed(repo):
    repo.commit(d_txt=DECOY)
    repo.stage("a", KEY)
    repo.git("gc", "--quiet")
    repo.git("repack", "-q")


@situation
def shallow_clone_with_objects_elsewhere(repo, monkeypatch):
    repo.commit(d_txt="x")
    repo.commit(d_txt=DECOY)
    clone(repo, monkeypatch, "--depth=1")
    clone(repo, monkeypatch, "--shared")
    Path("a").write_text(KEY)
    Path("e").write_text(DECOY)
    subprocess.run(["git", "rm", "-q", "d.txt"], check=True)
    subprocess.run(["git", "add", "a", "e"], check=True)


@situation
def partial_clone_without_the_old_side(repo, monkeypatch):
    repo.commit(a_txt="x", d_txt=DECOY)
    repo.git("config", "uploadpack.allowFilter", "true")
    clone(repo, monkeypatch, "--filter=blob:none", "--no-checkout")
    subprocess.run(["git", "read-tree", "HEAD"], check=True)
    old = subprocess.check_output(["git", "rev-parse", "HEAD:a.txt"], text=True)
    Path("a.txt").write_text(KEY)
    subprocess.run(["git", "add", "a.txt"], check=True)
    assert not Path(".git/objects", old[:2], old[2:].strip()).exists()


def clone(repo, monkeypatch, option, *options):
    place = repo.path.parent / option.strip("-")
    source = str(Path.cwd()) if option == "--shared" else f"file://{Path.cwd()}"
    subprocess.run(["git", "clone", "-q", option, *options, source, place], check=True)
    monkeypatch.chdir(place)


@situation
def more_files_than_are_asked_for_at_once(repo):
    marks = repo.path / ".git/marks"
    blobs = "".join(f"blob\nmark :{number}\ndata 6\n{number:06}\n" for number in range(1, 2_500))
    repo.git("fast-import", "--quiet", f"--export-marks={marks}", feed=blobs.encode())
    ids = [line.split()[1] for line in marks.read_text().splitlines()]
    lines = "".join(f"100644 {object_id}\tdir/{object_id}\n" for object_id in ids)
    repo.git("update-index", "--add", "--index-info", feed=lines.encode())
    repo.stage("z", KEY)
    repo.write("decoy", DECOY)
    assert len(set(ids)) == 2_499


def test_there_are_more_than_thirty():
    assert len(SITUATIONS) > 50


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_planted_key_stops_the_commit_and_the_decoy_does_not(repo, keyfuse, monkeypatch, name):
    prepare = SITUATIONS[name]
    wants = prepare.__code__.co_varnames[: prepare.__code__.co_argcount]
    prepare(repo, *([monkeypatch] if "monkeypatch" in wants else []))
    done = keyfuse("hook", "run")
    assert done.code == 1
    assert KEY[-48:-38] in done.err
    assert DECOY[-48:-38] not in done.err
    assert FALSE[-48:-38] not in done.err
    assert KEY not in done.err
    monkeypatch.setattr("keyfuse_scanner.glance.glance", lambda **_: None)
    assert keyfuse("hook", "run") == done  # with a first look and without
