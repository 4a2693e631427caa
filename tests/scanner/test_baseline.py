"""`keyfuse baseline`: made, kept, audited, merged, and taken over from others."""

import hashlib
import json
import subprocess

import pytest

from keyfuse_rules.fingerprint import fingerprint
from support.keys import make_key

KEY, OTHER, THIRD = (make_key(seed=seed).reveal() for seed in range(3))
FILE = ".keyfuse-baseline"


def prints(token):
    return fingerprint("keyfuse", token.encode())


def entries(repo, file=FILE):
    lines = (repo.path / file).read_text().splitlines()
    return {line.split()[0]: line.split()[2] for line in lines if not line.startswith("#")}


def answer(monkeypatch, *answers):
    given = iter(answers)
    monkeypatch.setattr("click.prompt", lambda *_, **__: next(given))


def test_what_is_known_is_reported_no_more_and_what_is_new_is(repo, keyfuse):
    repo.write("a", KEY)
    done = keyfuse("baseline", "create")
    assert done.code == 0
    assert done.out.endswith(f"1 known in {repo.path}/{FILE}\n")
    assert keyfuse("scan").code == 0
    repo.write("b", OTHER)
    assert keyfuse("scan").code == 1
    repo.stage("a", KEY)
    assert keyfuse("hook", "run").code == 0


def test_it_holds_no_place_no_time_and_no_secret(repo, keyfuse):
    repo.write("some/where", f"\n\n{KEY}")
    keyfuse("baseline", "create", "--json")
    text = (repo.path / FILE).read_text()
    assert text == (
        "# keyfuse baseline: known secrets by fingerprint, kept by `keyfuse baseline`\n"
        f"# scope: files\n{prints(KEY)} keyfuse-key unaudited\n"
    )
    repo.git("config", "user.name", "x")
    (repo.path / "some/where").unlink()
    repo.write("elsewhere", "x\n" * 100 + KEY)
    assert json.loads(keyfuse("baseline", "update", "--json").out) == {
        "entries": 1,
        "added": [],
        "dropped": [],
    }
    assert (repo.path / FILE).read_text() == text


def test_one_that_is_there_is_not_overwritten(repo, keyfuse):
    keyfuse("baseline", "create")
    done = keyfuse("baseline", "create")
    assert done.code == 2
    assert "update" in done.err


def test_update_adds_and_drops_and_keeps_what_was_said(repo, keyfuse, monkeypatch):
    repo.write("a", KEY)
    repo.write("b", OTHER)
    keyfuse("baseline", "create", "--baseline", "base")
    answer(monkeypatch, "y", "n")
    keyfuse("baseline", "audit", "--baseline", "base")
    repo.write("b", "clean")
    repo.write("c", THIRD)
    said = entries(repo, "base")[prints(KEY)]
    done = keyfuse("baseline", "update", "--baseline", "base")
    assert "1 added, 1 stale ones dropped" in done.out
    assert entries(repo, "base") == {prints(KEY): said, prints(THIRD): "unaudited"}


def test_nothing_is_dropped_where_not_all_could_be_scanned(repo, keyfuse):
    repo.write("a", KEY)
    keyfuse("baseline", "create")
    repo.write("a", "x" * 300)
    repo.write("keyfuse.toml", "max_file_size = 250\n")
    assert keyfuse("baseline", "update").code == 3
    assert list(entries(repo)) == [prints(KEY)]
    assert keyfuse("baseline", "update", "--baseline", "nosuch").code == 2


def test_of_history(repo, keyfuse):
    repo.commit(a_txt=KEY)
    repo.commit(a_txt="clean")
    keyfuse("baseline", "create", "--history")
    assert "# scope: history\n" in (repo.path / FILE).read_text()
    assert keyfuse("scan", "--history").code == 0
    assert keyfuse("baseline", "update").code == 0
    assert list(entries(repo)) == [prints(KEY)]


def test_an_audit_asks_with_context_and_shows_no_secret(repo, keyfuse, monkeypatch):
    repo.write("a", f"one\ntwo\n{KEY} and {OTHER}\nfour\n")
    repo.write("b", KEY)
    keyfuse("baseline", "create")
    answer(monkeypatch, "y", "n")
    done = keyfuse("baseline", "audit")
    assert done.code == 0
    assert ">     3 | acme_live_kf1" in done.out
    assert "      4 | four" in done.out
    assert "and in 1 more files" in done.out
    assert KEY not in done.out
    assert sorted(entries(repo).values()) == ["false", "real"]
    assert done.out.endswith("1 real, 1 false, 0 unaudited\n")
    counted = json.loads(keyfuse("baseline", "audit", "--json").out)
    assert counted == {"real": 1, "false": 1, "unaudited": 0}


def test_an_audit_of_history_reads_objects_and_may_be_stopped(repo, keyfuse, monkeypatch):
    repo.commit(a_txt=f"before\n{KEY}")
    repo.commit(a_txt=OTHER)
    repo.commit(a_txt="clean")
    keyfuse("baseline", "create", "--history")
    answer(monkeypatch, "s", "q")
    done = keyfuse("baseline", "audit")
    assert "      1 | before" in done.out
    assert set(entries(repo).values()) == {"unaudited"}


def test_answers_come_from_standard_input_and_are_kept_when_it_ends(repo, keyfuse):
    import sys

    repo.write("a", KEY)
    repo.write("b", OTHER)
    keyfuse("baseline", "create")
    command = [sys.executable, "-m", "keyfuse_scanner", "baseline", "audit"]
    done = subprocess.run(command, input=b"y\n", capture_output=True, check=False)
    assert done.returncode == 130
    assert sorted(entries(repo).values()) == ["real", "unaudited"]


def test_baselines_of_two_branches_merge_without_conflict(repo, keyfuse):
    repo.write("a.txt", KEY)
    keyfuse("baseline", "create")
    repo.git("add", ".")
    repo.commit("begin")
    for branch, token in (("one", OTHER), ("two", THIRD)):
        repo.git("checkout", "--quiet", "-b", branch, "main")
        repo.write(f"{branch}.txt", token)
        keyfuse("baseline", "update")
        repo.git("add", ".")
        repo.commit(branch)
    repo.git("merge", "--quiet", "-m", "both", "one")
    assert keyfuse("scan").code == 0
    assert set(entries(repo)) == {prints(KEY), prints(OTHER), prints(THIRD)}
    keyfuse("baseline", "update")
    assert list(entries(repo)) == sorted(entries(repo))


def test_baselines_made_on_both_branches_merge_too(repo, keyfuse):
    repo.commit(readme="x")
    for branch, token in (("one", OTHER), ("two", THIRD)):
        repo.git("checkout", "--quiet", "-b", branch, "main")
        repo.write(f"{branch}.txt", token)
        keyfuse("baseline", "create")
        repo.git("add", ".")
        repo.commit(branch)
    repo.git("merge", "--quiet", "-m", "both", "one")
    assert keyfuse("scan").code == 0


def test_the_attribute_is_added_once_and_in_a_repository_only(repo, keyfuse, planted, monkeypatch):
    repo.write(".gitattributes", "*.png binary")
    done = keyfuse("baseline", "create", "--baseline", "my base")
    assert "added a line to .gitattributes" in done.out
    assert (repo.path / ".gitattributes").read_text() == (
        "*.png binary\n/my[[:space:]]base merge=union\n"
    )
    assert ".gitattributes" not in keyfuse("baseline", "update", "--baseline", "my base").out
    keyfuse("baseline", "create", "--baseline", str(planted / "outside"))
    assert "outside" not in (repo.path / ".gitattributes").read_text()
    (planted / "plain").mkdir()
    monkeypatch.chdir(planted / "plain")
    keyfuse("baseline", "create")
    assert not (planted / "plain/.gitattributes").exists()
    assert keyfuse("baseline", "create", "--baseline", "no/such").code == 2


def test_a_gitleaksignore_is_taken_over(repo, keyfuse):
    head = repo.commit(a_txt=f"x\n{KEY}\n{OTHER}\n")
    repo.commit(a_txt=THIRD)
    repo.write(
        ".gitleaksignore",
        f"# old\n\n{head}:a.txt:generic-api-key:2\na.txt:generic-api-key:1\na.txt:x:9\nb:x:1\n",
    )
    done = keyfuse("baseline", "import", ".gitleaksignore")
    assert done.code == 0
    assert set(entries(repo)) == {prints(KEY), prints(THIRD)}
    assert [line.split()[1] for line in done.err.splitlines()] == ["a.txt:9:", "b:1:"]
    assert "# scope: history\n" in (repo.path / FILE).read_text()


def test_a_report_of_gitleaks_is_taken_over_even_where_the_file_is_gone(repo, keyfuse):
    head = repo.commit(a_txt=KEY)
    rows = [
        {"File": "a.txt", "StartLine": 1, "Commit": head, "Secret": "REDACTED"},
        {"File": "gone.txt", "StartLine": 7, "Commit": "", "Secret": OTHER},
        {"File": "gone.txt", "StartLine": 7, "Commit": "0" * 40, "Secret": ""},
    ]
    repo.write("report.json", json.dumps(rows))
    done = keyfuse("baseline", "import", "report.json", "--json")
    assert json.loads(done.out) == {"entries": 2, "added": 2, "nothing": 1}
    assert set(entries(repo)) == {prints(KEY), prints(OTHER)}


def test_a_baseline_of_detect_secrets_is_taken_over_with_its_verdicts(repo, keyfuse):
    repo.write("a.txt", f"{KEY} {OTHER}\n{THIRD}\n")
    rows = [
        {"hashed_secret": hashlib.sha1(OTHER.encode()).hexdigest(), "is_secret": False},
        {"hashed_secret": "0" * 40, "line_number": 2, "is_secret": True},
    ]
    repo.write(".secrets.baseline", json.dumps({"results": {"a.txt": rows}}))
    assert keyfuse("baseline", "import", ".secrets.baseline").code == 0
    assert entries(repo) == {prints(OTHER): "false", prints(THIRD): "real"}
    assert "# scope: files\n" in (repo.path / FILE).read_text()


@pytest.mark.parametrize(
    ("report", "code"),
    [
        ('[{"File": "a", "StartLine": 1e999}]', 2),
        ('[{"File": "\\ud800", "StartLine": 1}]', 2),
        ('[{"File": "a", "StartLine": 1, "Secret": "\\ud800"}]', 2),
        ('[{"File": "a\\u0000b", "StartLine": 1}]', 0),
        ('[{"File": "a\\u0000b", "StartLine": 1, "Commit": "%s"}]' % ("0" * 40), 0),
        ('{"results": {"/dev/zero": [{"hashed_secret": "", "line_number": 1}]}}', 0),
        ("a\0b:rule:1", 0),
    ],
)
def test_a_report_that_names_the_impossible_is_refused_or_names_nothing(
    repo, keyfuse, report, code
):
    repo.write("report", report)
    done = keyfuse("baseline", "import", "report")
    assert (done.code, len(done.err.splitlines())) == (code, 1)


@pytest.mark.parametrize(
    "text",
    ["nonsense", "[1]", "{}", "{", "[" * 5000, '[{"File": "a", "StartLine": 1, "Commit": "-x"}]'],
)
def test_what_is_none_of_them_is_refused_by_name(repo, keyfuse, text):
    repo.write("list", text)
    done = keyfuse("baseline", "import", "list")
    assert done.code == 2
    assert done.err.startswith("keyfuse: list")
    assert keyfuse("baseline", "import", "nosuch").code == 2
