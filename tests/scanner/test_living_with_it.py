"""What comments, policy, ignore file and baseline leave out of scans and of the hook."""

import json

import pytest

from keyfuse_rules.fingerprint import fingerprint
from support.keys import break_checksum, make_key

KEY, OTHER, THIRD = (make_key(seed=seed).reveal() for seed in range(3))


def prints(token):
    return fingerprint("keyfuse", token.encode())


def report(keyfuse, *arguments):
    done = keyfuse("scan", "--json", *arguments)
    return done.code, json.loads(done.out)


def ids(document):
    return [finding["key_id"] for finding in document["findings"]]


def key_id(token):
    return token[-48:-38]


def test_a_comment_allows_what_stands_beside_it_and_nothing_else(repo, keyfuse):
    repo.write("a", f"{KEY}  # keyfuse:allow an example\n{OTHER}\n")
    code, document = report(keyfuse)
    assert (code, ids(document)) == (1, [key_id(OTHER)])
    assert document["summary"]["ignored"] == 1
    repo.write("a", f"{KEY}  # keyfuse:allow keyfuse-key an example\n")
    assert keyfuse("scan").code == 0
    assert "left out: 1 ignored, 0 in the baseline" in keyfuse("scan").out
    repo.write("a", f"{KEY}  # keyfuse:allow npm-access-token\n")
    assert keyfuse("scan").code == 1


def test_one_place_of_a_file_that_counts_is_enough(repo, keyfuse):
    repo.write("a", f"{KEY}  # keyfuse:allow\n\n{KEY}\n")
    code, document = report(keyfuse)
    assert code == 1
    assert document["findings"][0]["line"] == 3


def test_the_hook_leaves_out_the_same(repo, keyfuse):
    repo.stage("a", f"{KEY}  # keyfuse:allow\n")
    assert keyfuse("hook", "run") == (0, "", "")
    repo.stage("b", f"{OTHER}\n")
    assert keyfuse("hook", "run").code == 1
    repo.write(".keyfuseignore", f"{prints(OTHER)}\n")
    assert keyfuse("hook", "run").code == 0


def test_comments_of_others_are_honoured_on_request(repo, keyfuse):
    repo.write("a", f"{KEY}  # gitleaks:allow\n")
    assert keyfuse("scan").code == 1
    repo.write("keyfuse.toml", 'honour = ["gitleaks"]\n')
    assert keyfuse("scan").code == 0


def test_all_shows_what_is_left_out_and_why_and_never_fails(repo, keyfuse):
    repo.write("a", f"{KEY}  # keyfuse:allow\n")
    repo.write("b", OTHER)
    repo.write("c", break_checksum(THIRD))
    repo.write("base", f"{prints(OTHER)}\n")
    code, document = report(keyfuse, "--all", "--baseline", "base")
    assert code == 0
    assert [finding["reason"] for finding in document["findings"]] == [
        "a comment beside it allows it",
        "the baseline lists it",
        "has a wrong checksum",
    ]
    assert "left out: the baseline lists it" in keyfuse("scan", "--all", "--baseline", "base").out


@pytest.mark.parametrize(
    ("policy", "left"),
    [
        ('ignores = ["tests/"]', ["src/a"]),
        ('ignores = ["tests/**", "src"]', []),
        ('ignores = [{paths = ["src/*"], reason = "old"}]', ["tests/a"]),
        ('ignores = [{paths = ["src/*"], rules = ["npm-*"]}]', ["src/a", "tests/a"]),
        ('ignores = [{paths = ["src/*"], rules = ["keyfuse-*"]}]', ["tests/a"]),
        (f'ignores = [{{fingerprints = ["{prints(KEY)}"]}}]', []),
        (f'ignores = [{{paths = ["src"], fingerprints = ["{prints(KEY)}"]}}]', ["tests/a"]),
    ],
)
def test_policy_ignores_paths_rules_and_fingerprints(repo, keyfuse, policy, left):
    repo.write("keyfuse.toml", policy)
    repo.write("src/a", KEY)
    repo.write("tests/a", KEY)
    _, document = report(keyfuse)
    assert [finding["path"] for finding in document["findings"]] == left
    repo.git("add", ".")
    _, document = report(keyfuse, "--staged")
    assert [finding["path"] for finding in document["findings"]] == left


def test_paths_are_seen_from_the_policy_wherever_the_scan_is_started(repo, keyfuse, monkeypatch):
    repo.write("keyfuse.toml", 'ignores = ["sub/a"]\n')
    repo.write("sub/a", KEY)
    monkeypatch.chdir(repo.path / "sub")
    for path in ("a", ".", "../sub", str(repo.path / "sub")):
        assert keyfuse("scan", path).code == 0
    repo.write("sub/sub/a", KEY)
    assert keyfuse("scan").code == 1


def test_what_cannot_be_scanned_on_an_ignored_path_does_not_matter(repo, keyfuse):
    repo.write("keyfuse.toml", 'ignores = ["big"]\nmax_file_size = 200\n')
    repo.write("big", "x" * 300)
    assert keyfuse("scan").code == 0
    repo.write("large", "x" * 300)
    assert keyfuse("scan").code == 3


def test_a_baseline_may_be_named_and_must_be_there(repo, keyfuse):
    repo.write("a", KEY)
    repo.write("base", f"{prints(KEY)} keyfuse-key unaudited\n")
    code, document = report(keyfuse, "--baseline", "base")
    assert (code, document["findings"]) == (0, [])
    assert document["summary"]["baselined"] == 1
    done = keyfuse("scan", "--baseline", "nosuch")
    assert done.code == 2
    assert done.err.startswith("keyfuse: nosuch: no such file; `keyfuse baseline create`")
    repo.write("bad", "not a list")
    assert "bad:1: no entry" in keyfuse("scan", "--baseline", "bad").err
    assert keyfuse("scan", "--baseline", ".").code == 2


def test_stale_entries_are_told_by_a_scan_of_all_they_cover(repo, keyfuse):
    repo.write("a", KEY)
    repo.write("base", f"# scope: files\n{prints(KEY)}\n{prints(OTHER)}\n")
    done = keyfuse("scan", "--baseline", "base")
    assert done.code == 0
    assert done.err == (
        f"keyfuse: 1 stale entry in the baseline or ignore file, found no more: {prints(OTHER)}\n"
    )
    _, document = report(keyfuse, "--baseline", "base")
    assert document["summary"]["stale"] == [prints(OTHER)]
    for arguments in (["a"], ["--only", "npm-access-token"], ["--history"], ["--staged"]):
        assert report(keyfuse, "--baseline", "base", *arguments)[1]["summary"]["stale"] == []


def test_the_ignore_file_is_judged_by_history(repo, keyfuse):
    repo.commit(a_txt=KEY)
    repo.write(".keyfuseignore", f"{prints(KEY)}\n{prints(OTHER)}\n")
    _, document = report(keyfuse, "--history")
    assert document["summary"]["stale"] == [prints(OTHER)]
    assert report(keyfuse)[1]["summary"]["stale"] == []


def test_where_no_policy_is_given_a_comment_hides_nothing(repo, scan):
    repo.write("a", f"{KEY}  # keyfuse:allow\n")
    result = scan("files", ["."])
    assert [finding.key_id for finding in result.findings] == [key_id(KEY)]
    assert result.ignored == 0


def test_keys_to_be_burned_are_found_whatever_the_repository_says(repo, keyfuse):
    repo.write("a", f"{KEY}  # keyfuse:allow\n")
    arguments = ("--report-to", "http://127.0.0.1:1", "--report-prefix", "other")
    assert keyfuse("scan", "a", *arguments).code == 1
