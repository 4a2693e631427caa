"""Ranges of commits: what B brings and A has not."""

import pytest

from keyfuse_scanner.errors import NoSuchRevision
from support.keys import make_key

KEYS = [make_key(seed=seed).reveal() for seed in range(6)]
KEY, OTHER = KEYS[:2]
ZERO = "0" * 40


def key_id(token):
    return token[-48:-38]


def found(result):
    return [(finding.path, finding.place, finding.key_id) for finding in result.findings]


def test_what_was_added_and_removed_within_the_range_is_reported(repo, scan):
    base = repo.commit(a_txt="x")
    leak = repo.commit(a_txt=KEY)
    repo.commit(a_txt="clean")
    (finding,) = scan("range", f"{base}..HEAD").findings
    assert (finding.path, finding.commit, finding.place) == ("a.txt", leak, "file")


def test_what_the_old_side_has_is_not_reported(repo, scan):
    base = repo.commit(a_txt=KEY, moved_txt=KEYS[2])
    repo.commit(a_txt=f"{KEY} and {OTHER}")
    repo.git("mv", "moved.txt", "new.txt")
    repo.commit(new_txt=f"{KEYS[2]} edited")
    assert found(scan("range", f"{base}..HEAD")) == [("a.txt", "file", key_id(OTHER))]


def test_messages_authors_tags_and_file_names_in_the_range_count(repo, scan):
    repo.stage(f"old-{KEYS[5]}/x", "x")
    base = repo.commit("base")
    repo.stage(f"old-{KEYS[5]}/y", "y")
    repo.stage(f"new-{KEYS[4]}", "y")
    repo.commit(f"message {KEYS[0]}")
    repo.git("commit", "-q", "--allow-empty", "-m", "x", "--author", f"{KEYS[1]} <a@b>")
    repo.git("tag", "-a", "v1", "-m", KEYS[2])
    repo.commit(f"behind {KEYS[3]}")
    places = {finding.key_id: finding.place for finding in scan("range", f"{base}..v1").findings}
    assert places == {
        key_id(KEYS[0]): "commit-message",
        key_id(KEYS[1]): "author",
        key_id(KEYS[2]): "tag-message",
        key_id(KEYS[4]): "file-name",
    }


def test_content_of_a_merge_commit_alone_is_reported(repo, scan):
    base = repo.commit(a_txt="x")
    repo.git("checkout", "--quiet", "-b", "side")
    repo.commit(b_txt="x")
    repo.git("checkout", "--quiet", "main")
    repo.commit(c_txt="x")
    repo.git("merge", "--quiet", "--no-commit", "--no-ff", "side")
    merge = repo.commit("merge", evil_txt=KEY)
    (finding,) = scan("range", f"{base}..{merge}").findings
    assert finding.commit == merge


@pytest.mark.parametrize("dots", ["..", "..."])
def test_sides_that_went_apart(repo, scan, dots):
    repo.commit(a_txt=f"{KEY}\n")
    repo.git("checkout", "--quiet", "-b", "side")
    repo.commit(a_txt=f"{KEY}\nedited\n", b_txt=OTHER)
    repo.git("checkout", "--quiet", "main")
    repo.commit(a_txt="clean\n", c_txt=KEYS[2])
    assert found(scan("range", f"main{dots}side")) == [("b.txt", "file", key_id(OTHER))]


def test_a_zero_old_side_is_a_new_branch_and_a_zero_new_side_a_deleted_one(repo, scan):
    repo.commit(a_txt=KEY)
    head = repo.commit(b_txt="x")
    assert found(scan("range", f"{ZERO}..{head}")) == [("a.txt", "file", key_id(KEY))]
    result = scan("range", f"{head}..{ZERO}")
    assert (result.findings, result.complete) == ([], True)


def test_a_side_left_out_is_head(repo, scan):
    base = repo.commit(a_txt="x")
    repo.commit(b_txt=KEY)
    assert len(scan("range", f"{base}..").findings) == 1
    assert scan("range", f"..{base}").findings == []


def test_unrelated_histories(repo, scan):
    base = repo.commit(a_txt="x")
    repo.git("checkout", "--quiet", "--orphan", "other")
    repo.commit(b_txt=KEY)
    assert found(scan("range", f"{base}..other")) == [("b.txt", "file", key_id(KEY))]


def test_an_old_side_that_was_left_behind_makes_the_scan_incomplete(repo, scan):
    repo.commit(a_txt=KEY)
    result = scan("range", f"{'1' * 40}..HEAD")
    assert found(result) == [("a.txt", "file", key_id(KEY))]
    assert [error.object for error in result.errors] == ["1" * 40]


def test_a_shallow_clone_that_cuts_the_range_off_makes_the_scan_incomplete(repo, monkeypatch, scan):
    for number in range(4):
        repo.commit(a_txt=str(number))
    path = repo.path.parent / "shallow"
    repo.git("clone", "--quiet", "--depth=2", f"file://{repo.path}", str(path))
    monkeypatch.chdir(path)
    assert not scan("range", f"{ZERO}..HEAD").complete
    assert scan("range", "HEAD~1..HEAD").complete


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5, 6])
def test_a_push_of_five_commits_is_never_passed_in_silence(repo, monkeypatch, keyfuse, depth):
    base = repo.commit(a_txt="x")
    for number in range(5):
        tip = repo.commit(a_txt=KEY if number == 1 else f"clean {number}")
    path = repo.path.parent / "shallow"
    repo.git("clone", "--quiet", f"--depth={depth}", f"file://{repo.path}", str(path))
    monkeypatch.chdir(path)
    done = keyfuse("scan", "--range", f"{base}..{tip}")
    holds_the_key = depth >= 4
    assert done.code == (1 if holds_the_key else 3)
    assert (key_id(KEY) in done.out) == holds_the_key
    assert ("history is cut off here" in done.err) == (depth < 6)


def test_a_missing_object_in_the_range_makes_the_scan_incomplete(repo, scan):
    base = repo.commit(a_txt="x")
    repo.commit(a_txt="gone", b_txt=KEY)
    gone = repo.git("rev-parse", "HEAD:a.txt")
    repo.loose(gone).unlink()
    result = scan("range", f"{base}..HEAD")
    assert found(result) == [("b.txt", "file", key_id(KEY))]
    assert [error.object for error in result.errors] == [gone]


def test_an_old_side_that_cannot_be_read_hides_nothing(repo, scan):
    base = repo.commit(a_txt="x")
    repo.commit(a_txt=KEY)
    repo.loose(repo.git("rev-parse", f"{base}^{{tree}}")).unlink()
    assert len(scan("range", f"{base}..HEAD").findings) == 1


@pytest.mark.parametrize(
    "text",
    [
        "HEAD",
        "a..b..c",
        "nosuch..HEAD",
        "HEAD..nosuch",
        "--all..HEAD",
        "HEAD..--output=x",
        f"HEAD..{'1' * 40}",
        "HEAD....HEAD",
    ],
)
def test_what_is_no_range_is_one_clear_line(repo, scan, text):
    repo.commit(a_txt="x")
    with pytest.raises(NoSuchRevision) as raised:
        scan("range", text)
    assert "\n" not in str(raised.value)
    assert not (repo.path / "x").exists()


@pytest.mark.parametrize("text", ["^HEAD~1..HEAD", "HEAD~1..^HEAD", "HEAD~1...^HEAD"])
def test_what_leaves_commits_out_is_no_side_of_a_range(repo, scan, text):
    repo.commit(a_txt=KEY)
    repo.commit(b_txt=OTHER)
    with pytest.raises(NoSuchRevision):
        scan("range", text)


def test_what_leaves_commits_out_is_no_branch(repo, keyfuse):
    repo.commit(a_txt=KEY)
    assert keyfuse("scan", "--history", "--branch", "^HEAD").code == 2
