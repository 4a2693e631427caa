"""Everything the object store holds, with the place in history where it stands first."""

import os
import subprocess
from random import Random

import pytest

from support.keys import break_checksum, make_key

KEYS = [make_key(seed=seed).reveal() for seed in range(20)]
KEY, OTHER = KEYS[:2]


def key_id(token):
    return token[-48:-38]


def by_key(result):
    found = {finding.key_id: finding for finding in result.findings}
    assert len(found) == len(result.findings)
    return {token: found[key_id(token)] for token in KEYS if key_id(token) in found}


def test_a_finding_shows_its_earliest_commit_author_and_date_in_utc(repo, scan):
    first = repo.commit(when=1_700_000_000, a_txt=f"x\n  {KEY}\n")
    repo.commit(a_txt=f"x\n  {KEY}\nmore\n")
    repo.git("rm", "--quiet", "a.txt")
    repo.commit("removed")
    (finding,) = scan("history").findings
    assert finding.commit == first
    assert finding.author == "Ada <ada@example.com>"
    assert finding.date == "2023-11-14T22:13:20Z"
    assert (finding.path, finding.line, finding.column, finding.place) == ("a.txt", 2, 3, "file")
    assert finding.object == repo.git("rev-parse", f"{first}:a.txt")
    assert finding.occurrences == 2


def test_one_finding_for_each_path(repo, scan):
    repo.commit(a_txt=KEY)
    second = repo.commit(b_txt=KEY)
    findings = scan("history").findings
    assert [finding.path for finding in findings] == ["a.txt", "b.txt"]
    assert findings[1].commit == second


def test_every_place_of_history(repo, make_repo, scan):
    repo.commit(a_txt="base\n")
    repo.git("checkout", "--quiet", "-b", "side")
    repo.commit(b_txt="side\n")
    repo.git("checkout", "--quiet", "main")
    repo.commit(c_txt="main\n")
    repo.git("merge", "--quiet", "--no-commit", "--no-ff", "side")
    merge = repo.commit("merge", evil_txt=KEYS[0])
    repo.stage("x.bin", b"\0" + KEYS[1].encode())
    repo.commit("no diff", _gitattributes="*.bin -diff\n")
    message = repo.commit(f"subject\n\nbody {KEYS[2]}")
    repo.git("tag", "-a", "v1", "-m", f"release\n{KEYS[3]}")
    repo.git(
        "-c",
        f"user.name={KEYS[4]}",
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "x",
        "--author",
        f"{KEYS[4]} <a@b>",
    )
    repo.git("branch", f"topic/{KEYS[5]}")
    repo.stage(f"dir-{KEYS[6]}/file", "x")
    named = repo.commit("file name")
    repo.git("notes", "add", "-m", f"note {KEYS[7]}")
    repo.write("a.txt", f"stashed {KEYS[8]}")
    repo.git("stash", "--quiet")
    repo.write("untracked", f"untracked {KEYS[9]}")
    repo.git("stash", "--quiet", "--include-untracked")
    repo.write("a.txt", f"stashed again {KEYS[10]}")
    repo.git("stash", "--quiet")
    dangling = repo.git("hash-object", "-w", "--stdin", feed=KEYS[11].encode())
    reset = repo.commit(lost_txt=KEYS[12])
    repo.git("reset", "--quiet", "--hard", "HEAD~1")
    repo.stage("index-only", KEYS[13])
    blob = repo.git("hash-object", "-w", "--stdin", feed=KEYS[14].encode())
    repo.git("tag", "blob-tag", blob)
    repo.git("branch", KEYS[15])
    repo.stage("decoy", break_checksum(KEYS[16]))
    result = scan("history")
    assert result.complete
    found = by_key(result)
    assert {token: finding.place for token, finding in found.items()} == {
        KEYS[0]: "file",
        KEYS[1]: "file",
        KEYS[2]: "commit-message",
        KEYS[3]: "tag-message",
        KEYS[4]: "author",
        KEYS[5]: "ref-name",
        KEYS[6]: "file-name",
        KEYS[7]: "note",
        KEYS[8]: "stash",
        KEYS[9]: "stash",
        KEYS[10]: "stash",
        KEYS[11]: "unreachable",
        KEYS[12]: "file",
        KEYS[13]: "index",
        KEYS[14]: "file",
        KEYS[15]: "ref-name",
    }
    assert (found[KEYS[0]].path, found[KEYS[0]].commit) == ("evil.txt", merge)
    assert (found[KEYS[2]].line, found[KEYS[2]].column) == (3, 6)
    assert found[KEYS[2]].commit == message
    assert found[KEYS[3]].object == repo.git("rev-parse", "v1")
    assert found[KEYS[4]].author == f"{found[KEYS[4]].redacted} <a@b>"
    assert found[KEYS[6]].path == f"dir-{found[KEYS[6]].redacted}"
    assert found[KEYS[6]].commit == named
    assert found[KEYS[8]].path == "a.txt"
    assert found[KEYS[9]].path == "untracked"
    assert (found[KEYS[11]].object, found[KEYS[11]].path) == (dangling, None)
    assert found[KEYS[12]].commit == reset
    assert found[KEYS[13]].path == "index-only"
    assert not any(token in repr(result) for token in KEYS)


def test_packed_and_alternate_objects(repo, make_repo, monkeypatch, scan):
    repo.commit(a_txt=KEY)
    repo.git("gc", "--quiet")
    borrower = make_repo("borrower")
    (borrower.path / ".git/objects/info/alternates").write_text(f"{repo.path}/.git/objects\n")
    monkeypatch.chdir(borrower.path)
    assert by_key(scan("history"))[KEY].place == "unreachable"


@pytest.mark.parametrize("options", [["--bare"], ["--object-format=sha256"]])
def test_bare_and_sha256_repositories(repo, make_repo, monkeypatch, scan, options):
    made = make_repo("made", *options)
    if options == ["--bare"]:
        repo.commit(a_txt=KEY)
        repo.git("push", "--quiet", str(made.path), "main")
    else:
        made.stage(f"{OTHER}/x", "name")
        made.commit(a_txt=KEY)
    monkeypatch.chdir(made.path)
    result = scan("history")
    assert by_key(result)[KEY].path == "a.txt"
    assert result.complete
    if OTHER in by_key(result):
        assert by_key(result)[OTHER].place == "file-name"


def test_an_empty_repository_is_clean(repo, scan):
    result = scan("history")
    assert (result.findings, result.complete) == ([], True)


def test_a_detached_head_and_an_amended_commit_are_history(repo, scan):
    repo.commit(a_txt="x")
    repo.git("checkout", "--quiet", "--detach")
    before = repo.commit(a_txt=KEY)
    repo.stage("a.txt", "clean")
    repo.git("commit", "--quiet", "--amend", "-m", "amended")
    assert by_key(scan("history"))[KEY].commit == before


def test_a_dangling_commit_is_unreachable(repo, scan):
    repo.commit(a_txt="x")
    tree = repo.git("rev-parse", "HEAD^{tree}")
    commit = repo.git("commit-tree", tree, "-m", KEY)
    (finding,) = scan("history").findings
    assert (finding.place, finding.commit) == ("unreachable", commit)


@pytest.mark.parametrize("path", ["deep/er", "deep/car\rriage"])
def test_a_nested_tag_of_a_tree(repo, scan, path):
    repo.stage(path, KEY)
    tree = repo.git("write-tree")
    repo.git("rm", "--quiet", "--cached", "-r", "deep")
    repo.git("tag", "-a", "tree", tree, "-m", "a tree")
    (finding,) = scan("history").findings
    assert (finding.path, finding.place) == (path, "file")


def test_since_and_branch_leave_the_rest_out(repo, scan):
    old = {"GIT_COMMITTER_DATE": "@1600000000 +0000"}
    repo.stage("old.txt", KEYS[0])
    subprocess.run(
        ["git", "commit", "-qm", "old"],
        cwd=repo.path,
        check=True,
        env={**os.environ, **old},
    )
    new = repo.commit(new_txt=KEYS[1])
    repo.git("checkout", "--quiet", "-b", "side")
    repo.commit(side_txt=KEYS[2])
    repo.git("hash-object", "-w", "--stdin", feed=KEYS[3].encode())
    assert set(by_key(scan("history", since=1_650_000_000))) == {KEYS[1], KEYS[2]}
    assert set(by_key(scan("history", branch="main"))) == {KEYS[0], KEYS[1]}
    found = by_key(scan("history", since=1_650_000_000, branch="main"))
    assert set(found) == {KEYS[1]}
    assert found[KEYS[1]].commit == new
    assert scan("history", since=4_000_000_000).findings == []


def test_a_missing_object_makes_the_scan_incomplete(repo, scan):
    repo.commit(a_txt="will be gone", b_txt=KEY)
    gone = repo.git("rev-parse", "HEAD:a.txt")
    repo.loose(gone).unlink()
    result = scan("history")
    assert set(by_key(result)) == {KEY}
    assert [(error.message, error.object) for error in result.errors] == [("missing object", gone)]
    result = scan("history", branch="main")
    assert set(by_key(result)) == {KEY}
    assert [(error.message, error.object) for error in result.errors] == [("missing object", gone)]


def test_an_object_that_the_only_pack_lacks_is_told(repo, scan):
    """Git writes no such pack, but tools that cut history down do."""
    repo.commit(a_txt="will be gone", b_txt=KEY)
    gone = repo.git("rev-parse", "HEAD:a.txt")
    listed = repo.git("rev-list", "--objects", "--all", "--no-object-names").splitlines()
    names = "\n".join(name for name in listed if name != gone) + "\n"
    repo.git("pack-objects", "-q", ".git/objects/pack/pack", feed=names.encode())
    repo.git("prune-packed", "-q")
    repo.loose(gone).unlink()
    result = scan("history")
    assert set(by_key(result)) == {KEY}
    assert [(error.message, error.object) for error in result.errors] == [("missing object", gone)]


def test_a_wall_of_missing_objects_is_summed_up(repo, scan):
    for number in range(150):
        repo.write(f"f/{number}", f"{number}")
    repo.git("add", "f")
    repo.commit()
    listed = repo.git("ls-files", "--stage").splitlines()
    for line in listed:
        repo.loose(line.split()[1]).unlink()
    errors = scan("history").errors
    assert len(errors) == 101
    assert errors[-1].message == "50 more objects are missing"


def test_a_missing_commit_makes_the_scan_incomplete_and_findings_remain(repo, scan):
    first = repo.commit(a_txt=KEY)
    repo.commit(b_txt=OTHER)
    repo.loose(first).unlink()
    result = scan("history")
    assert not result.complete
    assert set(by_key(result)) == {KEY, OTHER}
    result = scan("history", branch="main")
    assert not result.complete


@pytest.mark.parametrize("size", [0, 5, 60])
def test_damaged_objects_make_the_scan_incomplete_and_the_others_are_scanned(repo, scan, size):
    for number in range(30):
        repo.write(f"f/{number}", Random(number).randbytes(200))
    repo.git("add", "f")
    repo.commit(a_txt=KEY)
    damaged = [repo.git("rev-parse", f"HEAD:f/{number}") for number in (3, 17)]
    for object_id in damaged:
        path = repo.loose(object_id)
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:size])
    result = scan("history")
    assert set(by_key(result)) == {KEY}
    assert {error.object for error in result.errors} == set(damaged)


def test_a_shallow_clone_is_incomplete(repo, make_repo, monkeypatch, scan):
    repo.commit(a_txt="1")
    repo.commit(a_txt="2")
    path = repo.path.parent / "shallow"
    repo.git("clone", "--quiet", "--depth=1", f"file://{repo.path}", str(path))
    monkeypatch.chdir(path)
    result = scan("history")
    assert [error.message for error in result.errors] == ["history is cut off here: shallow clone"]


def test_a_blob_over_the_limit_is_an_error(repo, scan):
    repo.commit(a_txt="x" * 50)
    (error,) = scan("history", max_size=49).errors
    assert error.object == repo.git("rev-parse", "HEAD:a.txt")
    assert scan("history", max_size=50).complete


def test_big_objects_of_every_kind_are_scanned(repo, scan, monkeypatch):
    for module in ("objects", "gitbatch"):
        monkeypatch.setattr(f"keyfuse_scanner.{module}.PIECE", 40_000)
    repo.stage("big", b"y" * 39_990 + KEYS[0].encode() + b"\n" + b"z" * 100_000 + KEYS[1].encode())
    repo.git("commit", "--quiet", "--file", "-", feed=b"m" * 60_000 + b"\n" + KEYS[2].encode())
    found = by_key(scan("history"))
    assert (found[KEYS[0]].line, found[KEYS[0]].column) == (1, 39_991)
    assert (found[KEYS[1]].line, found[KEYS[1]].column) == (2, 100_001)
    assert found[KEYS[2]].place == "commit-message"


def test_the_fingerprint_is_the_same_in_every_mode(repo, scan):
    repo.stage("a", f"1\n2\n{KEY}")
    staged = scan("staged").findings[0].fingerprint
    head = repo.commit(f"message {KEY}")
    prints = {finding.fingerprint for finding in scan("history").findings}
    prints |= {finding.fingerprint for finding in scan("range", f"{'0' * 40}..{head}").findings}
    prints |= {finding.fingerprint for finding in scan("files", ["."]).findings}
    assert prints == {staged}


def test_too_many_candidates_make_the_scan_incomplete(repo, scan):
    repo.commit(a_txt=(break_checksum(KEY) + "\n") * 10_001)
    (error,) = scan("history").errors
    assert error.message == "too many candidates to look at all of them"


def test_dates_outside_of_the_calendar_are_left_out(repo, scan):
    tree = repo.git("mktree")
    raw = f"tree {tree}\nauthor A <a> 99999999999999999 +0000\ncommitter A <a> 1 +0000\n\n{KEY}\n"
    commit = repo.git(
        "hash-object", "-t", "commit", "-w", "--stdin", "--literally", feed=raw.encode()
    )
    (finding,) = scan("history").findings
    assert (finding.object, finding.date, finding.author) == (commit, None, "A <a>")


def test_an_old_date_hides_no_newer_commit(repo, scan):
    def commit(seed, when):
        repo.stage(f"{seed}.txt", KEYS[seed])
        subprocess.run(
            ["git", "commit", "-qm", "x"],
            cwd=repo.path,
            check=True,
            env={**os.environ, "GIT_COMMITTER_DATE": f"@{when} +0000"},
        )

    commit(0, 1_500_000_000)
    commit(1, 1_700_000_000)
    commit(2, 1_400_000_000)
    assert set(by_key(scan("history", since=1_600_000_000))) == {KEYS[1], KEYS[2]}


def test_findings_of_a_partial_clone_have_their_commits(repo, scan, monkeypatch):
    repo.git("config", "uploadpack.allowFilter", "true")
    for number, token in enumerate(KEYS[:3]):
        first = repo.commit(same_txt=token, **{f"f{number}_txt": "x"})
    clone = repo.path.parent / "partial"
    repo.git("clone", "--quiet", "--filter=blob:none", f"file://{repo.path}", str(clone))
    monkeypatch.chdir(clone)
    result = scan("history")
    assert {error.message for error in result.errors} == {"missing object"}
    (finding,) = result.findings
    assert (finding.path, finding.place, finding.commit) == ("same.txt", "file", first)
