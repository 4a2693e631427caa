"""Reports for other programs: valid in their formats, stable, bounded, and without a secret."""

import json
import re
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyfuse_rules.model import Severity
from keyfuse_rules.pack import OWN
from keyfuse_scanner.model import Problem, Reason, ScanResult
from keyfuse_scanner.reports import PRIVATE, REPORTS, report, tool
from support.findings import finding
from support.keys import break_checksum, make_key

KEY, OTHER = (make_key(seed=seed).reveal() for seed in range(2))
SHARED = sorted(REPORTS.keys() - PRIVATE)
NASTY = "\x1b[31m</script><img src=x>,:%\n\u202e&\"'\ud800\ufffe"


def result(*findings, errors=()):
    return ScanResult(list(findings), list(errors), 1, 1, rules={"keyfuse-key": OWN})


def rendered(name, outcome):
    return "".join(report(name)(outcome))


@pytest.fixture
def scanned(repo, keyfuse):
    """Return a function that scans a history with a key, a copy of it and one in a message."""
    repo.commit(f"leaks {OTHER}", a_txt=f"1\n{KEY}\n")
    repo.commit(b_txt=f"{KEY}\n")

    def call(name, *arguments):
        done = keyfuse("scan", "--history", "--format", name, *arguments)
        assert done.code == 1
        return done.out

    return call


@pytest.mark.parametrize("name", SHARED)
def test_no_secret_stands_in_a_report_that_others_see(scanned, keyfuse, name):
    out = scanned(name)
    assert KEY not in out
    assert OTHER not in out
    done = keyfuse("scan", "--history", "--format", name, "--show-secrets")
    assert done.code == 2
    assert "for others" in done.err


@pytest.mark.parametrize("name", SHARED)
def test_nothing_found_is_a_report_too(repo, keyfuse, name):
    done = keyfuse("scan", "--format", name)
    assert done.code == 0
    assert done.out


def test_sarif_names_each_rule_once_with_help(scanned):
    (run,) = json.loads(scanned("sarif"))["runs"]
    (rule,) = run["tool"]["driver"]["rules"]
    assert rule["id"] == "keyfuse-key"
    assert "keyfuse keys revoke" in rule["help"]["text"]
    assert [entry["ruleIndex"] for entry in run["results"]] == [0, 0, 0]
    assert run["invocations"][0]["executionSuccessful"] is True


def test_sarif_places_results_and_fingerprints_survive_a_move(repo, keyfuse):
    repo.write("dir a/b#.txt", f"ŧ {KEY}\n")
    before = json.loads(keyfuse("scan", "--format", "sarif").out)["runs"][0]["results"]
    location = before[0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"] == {"uri": "dir%20a/b%23.txt", "uriBaseId": "%SRCROOT%"}
    assert location["region"] == {"startLine": 1, "startColumn": 3}
    repo.write("dir a/b#.txt", "\n" * 100 + KEY)
    after = json.loads(keyfuse("scan", "--format", "sarif").out)["runs"][0]["results"]
    assert before[0]["partialFingerprints"] == after[0]["partialFingerprints"]
    path = str(repo.path / "dir a")
    (absolute,) = json.loads(keyfuse("scan", path, "--format", "sarif").out)["runs"][0]["results"]
    uri = absolute["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.startswith("file:///")


def test_sarif_tells_results_of_two_files_apart_and_knows_the_secret_again(scanned):
    results = json.loads(scanned("sarif"))["runs"][0]["results"]
    prints = [entry["partialFingerprints"] for entry in results]
    assert len({entry["primaryLocationLineHash"] for entry in prints}) == 3
    assert len({entry["keyfuseFingerprint/v1"] for entry in prints}) == 2


def test_sarif_keeps_the_worst_and_says_what_it_cut(monkeypatch):
    monkeypatch.setattr("keyfuse_scanner.reports.sarif.LIMIT", 2)
    low, high = finding(severity=Severity.LOW), finding(severity=Severity.HIGH)
    (run,) = json.loads(rendered("sarif", result(low, high, low, high)))["runs"]
    assert [entry["level"] for entry in run["results"]] == ["error", "error"]
    (note,) = run["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"].startswith("2 findings are left out")


def test_sarif_says_what_was_not_scanned_and_what_does_not_count():
    problem = Problem("missing object", "a", None)
    outcome = result(finding(reason=Reason("ignored", "policy")), errors=[problem] * 102)
    (run,) = json.loads(rendered("sarif", outcome))["runs"]
    assert run["invocations"][0]["executionSuccessful"] is False
    notes = run["invocations"][0]["toolExecutionNotifications"]
    assert len(notes) == 101
    assert notes[-1]["message"]["text"] == "2 more things could not be scanned"
    assert run["results"][0]["suppressions"][0]["justification"] == "policy"


def test_annotations_point_at_lines_and_are_escaped(repo, keyfuse):
    repo.write("a,b:c%.txt", f"1\n x{KEY}\n")
    out = keyfuse("scan", "--format", "github").out
    assert out.startswith(
        "::error title=keyfuse API key (critical),file=a%2Cb%3Ac%25.txt,line=2,col="
    )
    assert out.count("\n") == 2


def test_annotations_are_at_most_ten_of_a_kind_and_the_rest_is_said():
    low = finding(severity=Severity.LOW, path=None)
    ignored = finding(reason=Reason("ignored", "policy"))
    outcome = result(*[finding()] * 12, *[low] * 11, ignored, errors=[Problem("x", None, None)])
    lines = rendered("github", outcome).splitlines()
    kinds = [line.split()[0] for line in lines if line.startswith("::")]
    assert [kinds.count(f"::{kind}") for kind in ("error", "warning", "notice")] == [10, 10, 1]
    assert "3 findings are not annotated: GitHub shows 10 of a kind" in lines


def test_an_annotation_is_one_line_whatever_stands_in_a_path():
    (command, _) = rendered("github", result(finding(path=NASTY, author=NASTY))).splitlines()
    assert command.startswith("::error ")
    assert command.count("::") == 2


def test_junit_fails_a_test_for_each_finding():
    problem = Problem("missing object", None, "0" * 40)
    ignored = finding(reason=Reason("baselined", "the baseline lists it"))
    root = ET.fromstring(rendered("junit", result(finding(), ignored, errors=[problem])))
    assert root.attrib == {
        "name": "keyfuse", "tests": "3", "failures": "1", "errors": "1", "skipped": "1",
    }  # fmt: skip
    assert [child.tag for case in root.iter("testcase") for child in case] == [
        "failure",
        "skipped",
        "error",
    ]


@settings(max_examples=50)
@given(st.text(max_size=30) | st.just(NASTY))
def test_junit_is_xml_whatever_stands_in_a_path(path):
    text = rendered("junit", result(finding(path=path), errors=[Problem("x", path, None)]))
    ET.fromstring(text.encode("utf-8"))


def test_gitlab_gets_one_id_for_one_finding_in_every_report(scanned):
    first, second = (json.loads(scanned("gitlab"))["vulnerabilities"] for _ in range(2))
    assert [entry["id"] for entry in first] == [entry["id"] for entry in second]
    assert len({entry["id"] for entry in first}) == 3
    in_file = next(entry for entry in first if entry["location"]["file"] == "a.txt")
    assert in_file["location"]["start_line"] == 2
    assert in_file["location"]["commit"]["author"] == "Ada <ada@example.com>"
    assert in_file["severity"] == "Critical"


def test_gitlab_gets_the_fields_its_schema_asks_for():
    from keyfuse_scanner.reports.gitlab import render

    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    outcome = result(
        finding(), finding(reason=Reason("ignored", "x")), errors=[Problem("x", None, None)]
    )
    document = json.loads("".join(render(outcome, now=lambda: moment)))
    assert document["scan"]["start_time"] == "2026-01-02T03:04:05"
    assert document["scan"]["status"] == "failure"
    (entry,) = document["vulnerabilities"]
    assert entry["location"]["commit"] == {"sha": "0000000"}
    assert {"id", "identifiers", "location", "category", "severity"} <= entry.keys()
    assert entry["severity"] in {"Info", "Unknown", "Low", "Medium", "High", "Critical"}
    for part in ("analyzer", "scanner"):
        assert {"id", "name", "vendor", "version"} <= document["scan"][part].keys()
    assert document["scan"]["messages"] == [{"level": "warn", "value": "not scanned: x"}]


def test_gitlab_gets_no_more_than_its_schema_allows():
    rule = OWN._replace(rule_id="own", revoke_steps="step " * 3_000)
    found = finding(rule="own", title="t" * 300)
    outcome = ScanResult([found], [], 1, 1, rules={"own": rule})
    (entry,) = json.loads(rendered("gitlab", outcome))["vulnerabilities"]
    assert (len(entry["name"]), len(entry["solution"])) == (255, 7_000)


def test_the_page_loads_nothing_and_runs_its_own_script_only(scanned):
    page = scanned("html")
    assert not re.search(r"(src|href)\s*=|@import|url\(|https?://[^\"]*\.(js|css)", page)
    assert "default-src 'none'" in page
    assert "script-src 'sha256-" in page


def test_the_policy_of_the_page_names_the_script_that_stands_in_it(scanned):
    from base64 import b64encode
    from hashlib import sha256

    page = scanned("html")
    script = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)[0]
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in page


def test_what_stands_in_a_repository_is_data_in_the_page():
    outcome = result(finding(path=NASTY, author=NASTY), errors=[Problem(NASTY, None, None)])
    page = rendered("html", outcome)
    assert page.count("</script>") == 2
    assert "<img" not in page
    data = json.loads(re.findall(r'id="data">(.*?)</script>', page, re.DOTALL)[0])
    assert data["findings"][0]["fingerprint"] == "0" * 32
    assert "\x1b" not in data["findings"][0]["path"]


def test_the_text_shows_each_secret_once_with_its_places(repo, keyfuse):
    for number in range(8):
        repo.write(f"f{number}", KEY)
    repo.write("g", OTHER)
    out = keyfuse("scan").out
    assert out.count("    also ") == 5
    assert "    and at 2 more paths\n" in out
    assert out.count("fingerprint") == 2
    assert out.endswith("9 findings in 9 objects (566 bytes)\n")


def test_a_path_on_which_a_secret_counts_is_shown_apart_from_one_where_it_does_not(repo, keyfuse):
    repo.write("a", f"{KEY}  # keyfuse:allow\n")
    repo.write("b", KEY)
    out = keyfuse("scan", "--all").out
    assert "left out: a comment beside it allows it" in out
    assert "b:1:1: keyfuse API key (critical)\n" in out


def test_advice_says_where_a_secret_is_killed():
    rules = [
        OWN,
        OWN._replace(rule_id="a", revoke_steps="Make a new one."),
        OWN._replace(rule_id="b", revoke_steps="", revoke_url="https://example.com/keys"),
        OWN._replace(rule_id="c", revoke_steps="", revoke_url="", provider="Example"),
    ]
    endings = [tool.advice(rule).split("shared: ")[1] for rule in rules]
    assert endings == [
        "Revoke it with `keyfuse keys revoke` and its id.",
        "Make a new one.",
        "Revoke it at https://example.com/keys.",
        "Revoke it where Example issued it.",
    ]


def test_a_doubtful_checksum_is_said(repo, keyfuse):
    repo.write("a", break_checksum(KEY))
    (run,) = json.loads(keyfuse("scan", "--all", "--format", "sarif").out)["runs"]
    assert run["results"][0]["message"]["text"].endswith("Its checksum seems wrong.")
