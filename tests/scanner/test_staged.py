"""Staged changes: whole new blobs, less what HEAD has."""

import subprocess

from support.keys import break_checksum, make_key

KEY, OTHER, THIRD = (make_key(seed=seed).reveal() for seed in range(3))


def places(result):
    return [(finding.path, finding.key_id) for finding in result.findings]


def key_id(token):
    return token[-48:-38]


def test_a_new_file_is_reported_with_line_column_and_object(repo, scan):
    repo.commit()
    repo.stage("app/settings.py", f"\nŧöken = {KEY}\n")
    (finding,) = scan("staged").findings
    assert (finding.path, finding.line, finding.column) == ("app/settings.py", 2, 9)
    assert finding.place == "staged"
    assert finding.object == repo.git("rev-parse", ":app/settings.py")
    assert finding.key_id == key_id(KEY)
    assert finding.commit is None


def test_before_the_first_commit_everything_staged_is_new(repo, scan):
    repo.stage("a", KEY)
    assert places(scan("staged")) == [("a", key_id(KEY))]


def test_a_sha256_repository_before_its_first_commit(make_repo, monkeypatch, scan):
    repo = make_repo("sha256", "--object-format=sha256")
    monkeypatch.chdir(repo.path)
    repo.stage("a", KEY)
    assert places(scan("staged")) == [("a", key_id(KEY))]


def test_what_head_has_at_the_path_is_not_reported(repo, scan):
    repo.commit(a_txt=f"{KEY}\n")
    repo.stage("a.txt", f"{KEY}\nand {OTHER}\n")
    assert places(scan("staged")) == [("a.txt", key_id(OTHER))]


def test_a_copy_of_a_known_key_to_another_file_is_reported(repo, scan):
    repo.commit(a_txt=KEY)
    repo.stage("b.txt", f"copied {KEY}")
    assert places(scan("staged")) == [("b.txt", key_id(KEY))]


def test_a_file_moved_and_edited_is_not_reported(repo, scan):
    repo.commit(a_txt=f"{KEY}\n")
    repo.git("mv", "a.txt", "b.txt")
    repo.stage("b.txt", f"something else altogether\n{KEY}\n")
    assert places(scan("staged")) == []


def test_the_same_new_blob_at_two_paths_is_two_findings(repo, scan):
    repo.stage("a", KEY)
    repo.stage("b", KEY)
    assert places(scan("staged")) == [("a", key_id(KEY)), ("b", key_id(KEY))]


def test_only_what_is_staged_counts_not_the_work_tree(repo, scan):
    repo.stage("a", KEY)
    repo.write("a", "clean")
    repo.stage("b", "clean")
    repo.write("b", OTHER)
    repo.write("c", THIRD)
    assert places(scan("staged")) == [("a", key_id(KEY))]


def test_an_intent_to_add_is_not_staged(repo, scan):
    repo.commit()
    repo.write("a", KEY)
    repo.git("add", "--intent-to-add", "a")
    assert places(scan("staged")) == []


def test_a_deleted_file_is_no_finding(repo, scan):
    repo.commit(a_txt=KEY)
    repo.git("rm", "--quiet", "a.txt")
    result = scan("staged")
    assert places(result) == []
    assert result.complete


def test_a_mode_change_and_a_link_are_scanned(repo, scan):
    repo.commit(a_txt=OTHER)
    (repo.path / "a.txt").chmod(0o755)
    (repo.path / "link").symlink_to(KEY)
    repo.git("add", "-A")
    assert places(scan("staged")) == [("link", key_id(KEY))]


def test_a_submodule_is_left_out(repo, make_repo, scan):
    other = make_repo("other")
    other.commit(a_txt=KEY)
    repo.commit()
    repo.git(
        "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other.path), "sub"
    )
    result = scan("staged")
    assert places(result) == []
    assert result.complete


def test_binary_minus_diff_and_filtered_files_are_scanned(repo, scan):
    repo.stage(".gitattributes", "*.bin -diff\n*.bin filter=nothing\n")
    repo.stage("a.bin", b"\0\xff\0" + KEY.encode() + b"\0")
    assert places(scan("staged")) == [("a.bin", key_id(KEY))]


def test_file_names_of_any_bytes(repo, scan):
    repo.stage(b"caf\xe9\n:100644 \xe2\x82\xac", KEY)
    assert places(scan("staged")) == [("caf%E9\n:100644 €", key_id(KEY))]


def test_a_key_in_a_file_name_is_reported_and_not_shown(repo, scan):
    repo.stage(f"dump-{KEY}.txt", "nothing")
    (finding,) = scan("staged").findings
    assert finding.place == "file-name"
    assert (finding.line, finding.column) == (None, None)
    assert finding.path == f"dump-{finding.redacted}.txt"
    assert KEY not in repr(finding)


def test_a_wrong_checksum_is_silent(repo, scan):
    repo.stage("a", break_checksum(KEY))
    assert scan("staged").findings == []


def test_both_sides_of_a_conflict_are_scanned_less_what_head_has(repo, scan):
    repo.commit(a_txt="base\n")
    repo.git("checkout", "--quiet", "-b", "side")
    repo.commit(a_txt=f"theirs {KEY}\n")
    repo.git("checkout", "--quiet", "main")
    repo.commit(a_txt=f"ours {OTHER}\n")
    repo.git("merge", "side", check=False)
    assert "UU a.txt" in repo.git("status", "--short")
    # MERGE_HEAD has the key already: the merge does not bring it anew.
    assert places(scan("staged")) == []
    repo.path.joinpath(".git/MERGE_HEAD").unlink()
    assert places(scan("staged")) == [("a.txt", key_id(KEY))]


def test_a_merge_in_progress_brings_only_what_no_parent_has(repo, scan):
    repo.commit(a_txt="base\n")
    repo.git("checkout", "--quiet", "-b", "side")
    repo.commit(b_txt=f"{KEY}\n")
    repo.git("checkout", "--quiet", "main")
    repo.commit(c_txt="ours\n")
    repo.git("merge", "--quiet", "--no-commit", "--no-ff", "side")
    repo.stage("d.txt", f"{OTHER}\n")
    assert places(scan("staged")) == [("d.txt", key_id(OTHER))]


def test_a_linked_worktree_has_its_own_index(repo, monkeypatch, scan):
    repo.commit()
    repo.git("worktree", "add", "--quiet", "../linked")
    linked = repo.path.parent / "linked"
    (linked / "a").write_text(KEY)
    subprocess.run(["git", "add", "a"], cwd=linked, check=True)
    assert places(scan("staged")) == []
    monkeypatch.chdir(linked)
    assert places(scan("staged")) == [("a", key_id(KEY))]


def test_from_a_subfolder_the_whole_index_counts(repo, monkeypatch, scan):
    repo.git("config", "diff.relative", "true")
    repo.commit()
    repo.stage("a", KEY)
    repo.stage("sub/b", "clean")
    monkeypatch.chdir(repo.path / "sub")
    assert places(scan("staged")) == [("a", key_id(KEY))]


def test_a_blob_over_the_limit_makes_the_scan_incomplete(repo, scan):
    repo.stage("big", "x" * 100)
    result = scan("staged", max_size=99)
    assert not result.complete
    assert [(error.path, error.message) for error in result.errors] == [
        ("big", "100 bytes, over the limit")
    ]


def test_a_damaged_blob_makes_the_scan_incomplete_and_the_others_are_scanned(repo, scan):
    repo.stage("a", KEY)
    repo.stage("b", "to be damaged " * 50)
    repo.stage("c", OTHER)
    damaged = repo.git("rev-parse", ":b")
    path = repo.loose(damaged)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:25])
    result = scan("staged")
    assert places(result) == [("a", key_id(KEY)), ("c", key_id(OTHER))]
    assert [(error.path, error.object) for error in result.errors] == [("b", damaged)]


def test_a_missing_blob_makes_the_scan_incomplete(repo, scan):
    repo.stage("a", "gone")
    repo.loose(repo.git("rev-parse", ":a")).unlink()
    assert [error.path for error in scan("staged").errors] == ["a"]


def test_more_blobs_than_a_pipe_holds(repo, scan):
    for number in range(3000):
        repo.write(f"f/{number}", f"content {number}\n" * 10)
    repo.write("f/key", KEY)
    repo.git("add", "f")
    result = scan("staged")
    assert places(result) == [("f/key", key_id(KEY))]
    assert result.objects == 3001
