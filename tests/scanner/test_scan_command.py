"""`keyfuse scan`: options, reports and exit codes."""

import json
import os
import subprocess
import sys
from random import Random

import pytest

from keyfuse_rules.recipes import expand
from support.keys import break_checksum, make_key

KEY, OTHER = (make_key(seed=seed).reveal() for seed in range(2))
FIELDS = [
    "rule", "title", "severity", "checksum", "path", "line", "column", "commit", "author", "date",
    "object", "place", "decoded", "redacted", "fingerprint", "key_id", "occurrences",
]  # fmt: skip


def test_a_clean_folder_exits_0(repo, keyfuse):
    repo.write("a", "clean")
    done = keyfuse("scan")
    assert done.code == 0
    assert done.out == "0 findings in 1 object (6 bytes)\n"


def test_findings_exit_1_and_are_redacted(repo, keyfuse):
    repo.write("a", f"x {KEY}")
    done = keyfuse("scan")
    assert done.code == 1
    assert done.out.startswith("a:1:3: keyfuse API key (critical)\n")
    assert KEY not in done.out


def test_json_has_the_fields_of_the_contract(repo, keyfuse):
    head = repo.commit(a_txt=KEY)
    done = keyfuse("scan", "--history", "--json")
    document = json.loads(done.out)
    assert list(document) == ["findings", "errors", "summary"]
    (finding,) = document["findings"]
    assert list(finding) == FIELDS
    assert finding["rule"] == "keyfuse-key"
    assert finding["severity"] == "critical"
    assert finding["checksum"] == "valid"
    assert finding["commit"] == head
    assert finding["decoded"] == []
    assert finding["key_id"] == KEY[-48:-38]
    assert document["errors"] == []
    assert document["summary"]["complete"] is True
    assert document["summary"]["findings"] == 1
    assert keyfuse("scan", "--history", "--format", "json").out == done.out


def test_jsonl_is_one_finding_a_line_and_errors_go_to_standard_error(repo, keyfuse):
    repo.write("a", KEY)
    repo.write("b", OTHER)
    repo.write("c", "x" * 200)
    done = keyfuse("scan", "--format", "jsonl", "--max-file-size", "100b")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line["path"] for line in lines] == ["a", "b"]
    assert list(lines[0]) == FIELDS
    assert done.err == "keyfuse: c: 200 bytes, over the limit\n"
    assert done.code == 1


def test_errors_without_findings_exit_3(repo, keyfuse):
    repo.write("a", "x" * 200)
    done = keyfuse("scan", "--json", "--max-file-size", "100")
    assert done.code == 3
    document = json.loads(done.out)
    assert document["errors"] == [
        {"message": "200 bytes, over the limit", "path": "a", "object": None}
    ]
    assert document["summary"]["complete"] is False
    assert done.err == ""
    assert keyfuse("scan", "--max-file-size", "100").out.endswith("1 thing could not be scanned\n")


@pytest.mark.shows_key
def test_show_secrets_shows_them(repo, keyfuse):
    repo.write("a", KEY)
    assert KEY in keyfuse("scan", "--show-secrets").out
    (finding,) = json.loads(keyfuse("scan", "--show-secrets", "--json").out)["findings"]
    assert finding["secret"] == KEY
    assert list(finding) == [*FIELDS, "secret"]


def test_a_wrong_checksum_is_shown_only_with_all_and_never_counts(repo, keyfuse):
    repo.write("a", break_checksum(KEY))
    assert json.loads(keyfuse("scan", "--json").out)["findings"] == []
    done = keyfuse("scan", "--json", "--all")
    assert [finding["checksum"] for finding in json.loads(done.out)["findings"]] == ["invalid"]
    assert done.code == 0


def test_exit_zero_and_fail_on(repo, keyfuse):
    repo.write("a", KEY)
    assert keyfuse("scan", "--exit-zero").code == 0
    assert keyfuse("scan", "--fail-on", "critical").code == 1
    repo.write("a", "cio_tp_" + "a" * 31)
    assert keyfuse("scan", "--fail-on", "critical").code == 0


def test_a_severity_below_the_threshold_is_shown_and_does_not_fail(repo, keyfuse):
    rules = json.loads(keyfuse("rules", "list", "--json").out)
    assert {rule["severity"] for rule in rules} > {"critical"}
    body = expand("<der>", Random(1)).decode()
    repo.write("key.pem", f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----")
    done = keyfuse("scan", "--json")
    (finding,) = json.loads(done.out)["findings"]
    assert finding["checksum"] == "none"
    assert done.code == 1
    if finding["severity"] != "critical":
        assert keyfuse("scan", "--fail-on", "critical").code == 0


def test_only_chooses_rules_and_an_unknown_one_is_usage(repo, keyfuse):
    repo.write("a", KEY)
    assert keyfuse("scan", "--only", "npm-access-token").code == 0
    assert keyfuse("scan", "--only", "npm-access-token", "--only", "keyfuse-key").code == 1
    done = keyfuse("scan", "--only", "nosuch")
    assert done.code == 2
    assert done.err == "keyfuse: nosuch: no such rule; see keyfuse rules list\n"


def test_output_goes_to_a_file_that_only_its_owner_reads(repo, keyfuse):
    repo.write("a", KEY)
    done = keyfuse("scan", "a", "--json", "--output", "report.json")
    assert (done.code, done.out) == (1, "")
    report = repo.path / "report.json"
    assert len(json.loads(report.read_text())["findings"]) == 1
    assert report.stat().st_mode & 0o777 == 0o600
    done = keyfuse("scan", "--output", "no/such/folder")
    assert done.code == 2
    assert done.err == "keyfuse: no/such/folder: no such file or directory\n"


def test_a_repository_may_be_named(repo, make_repo, keyfuse, monkeypatch):
    other = make_repo("other")
    other.commit(a_txt=KEY)
    other.stage("b", OTHER)
    monkeypatch.setenv("GIT_DIR", str(repo.path / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(repo.path / ".git/index"))
    assert keyfuse("scan", "--history", "../other").code == 1
    assert keyfuse("scan", "--staged", "../other").code == 1
    assert keyfuse("scan", "--range", f"{'0' * 40}..HEAD", "../other").code == 1


def test_a_hook_environment_names_the_repository_and_its_index(
    repo, make_repo, keyfuse, monkeypatch
):
    other = make_repo("other")
    other.commit()
    other.stage("b", KEY)
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.path / ".git/index"))
    assert keyfuse("scan", "--staged").code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--staged", "--history"],
        ["--stdin", "a"],
        ["--since", "90d"],
        ["--branch", "main"],
        ["--history", "a", "b"],
        ["--json", "--format", "text"],
        ["--max-file-size", "big"],
        ["--history", "--since", "yesterday"],
        ["--history", "--branch", "nosuch"],
        ["--range", "HEAD"],
        ["--nosuch"],
        ["--format", "xml"],
        ["--fail-on", "nothing"],
        ["--config", "nosuch.toml"],
        ["nosuch"],
        ["--history", "nosuch"],
        ["--history", "/"],
        ["--staged", "/"],
        ["--range", "a..b", "/"],
    ],
)
def test_usage_errors_exit_2(repo, keyfuse, arguments):
    done = keyfuse("scan", *arguments)
    assert done.code == 2
    assert done.out == ""
    assert "Traceback" not in done.err
    if not done.err.startswith("Usage:"):
        assert done.err.startswith("keyfuse: ")
        assert done.err.count("\n") == 1


def test_json_stands_for_format_json_only(repo, keyfuse):
    assert keyfuse("scan", "--json", "--format", "json").code == 0


def test_a_date_and_a_duration_limit_history(repo, keyfuse):
    repo.commit(a_txt=KEY)
    assert keyfuse("scan", "--history", "--since", "1d").code == 1
    assert keyfuse("scan", "--history", "--since", "2038-01-01").code == 0
    assert keyfuse("scan", "--history", "--branch", "main").code == 1


def test_standard_input_and_python_m(repo):
    done = subprocess.run(
        [sys.executable, "-m", "keyfuse_scanner", "scan", "--stdin", "--json"],
        input=f"x {KEY}".encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert json.loads(done.stdout)["findings"][0]["place"] == "stdin"


def test_a_reader_that_goes_away_is_no_error(repo):
    repo.write("a", "\n".join(make_key(seed=seed).reveal() for seed in range(400)))
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "keyfuse_scanner", "scan"],
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_terminal_without_unicode_gets_escapes(repo):
    repo.write("a€", KEY)
    done = subprocess.run(
        [sys.executable, "-m", "keyfuse_scanner", "scan"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.startswith(b"a\\u20ac:1:1: ")


def test_reports_tell_place_commit_and_occurrences(repo, keyfuse):
    repo.commit(a_txt=f"1 {KEY}")
    repo.commit(a_txt=f"2 {KEY}")
    repo.stage("b.txt", OTHER)
    out = keyfuse("scan", "--history").out
    assert "    commit " in out
    assert "Ada <ada@example.com>" in out
    assert "    in 2 objects\n" in out
    assert "    place: index\n" in out
    assert "    object " in out
