"""What is judged to be no secret: silent, shown with its reason by `--all`, and never counted."""

import json
from random import Random

import pytest

from keyfuse_rules.pack import all_rules
from keyfuse_rules.recipes import expand

RULES = {rule.rule_id: rule for rule in all_rules()}


def line(rule_id: str, recipe: str) -> bytes:
    return expand(recipe, Random(4), RULES[rule_id].checksum)


RIGHT = line("github-classic-token", "<token>ghp_<base62:30><checksum>")
WRONG = line("github-classic-token", "<token>ghp_<base62:30><wrong>")
UNPROVEN = line("cloudflare-token", "<token>cfut_<base62:40><wrong>")
PLACEHOLDER = line("github-fine-grained-token", "github_pat_<base62:22>_<x:59>")


@pytest.fixture
def report(keyfuse):
    def call(*arguments):
        done = keyfuse("scan", "--json", *arguments)
        return done.code, json.loads(done.out)["findings"]

    return call


@pytest.mark.parametrize(
    ("secret", "reason"),
    [(WRONG, "has a wrong checksum"), (PLACEHOLDER, "holds a word of documentation")],
)
def test_no_secret_is_silent_and_all_shows_it_with_its_reason(
    repo, keyfuse, report, secret, reason
):
    repo.write("a", secret)
    assert report() == (0, [])
    code, (found,) = report("--all")
    assert code == 0
    assert found["reason"] == reason
    done = keyfuse("scan", "--all")
    assert done.code == 0
    assert f"  no secret: {reason}\n" in done.out


def test_a_finding_has_no_reason_and_counts_beside_what_all_adds(repo, report):
    repo.write("a", RIGHT + b"\n" + WRONG)
    code, findings = report("--all")
    assert code == 1
    assert [finding.get("reason") for finding in findings] == [None, "has a wrong checksum"]
    assert "reason" not in findings[0]


def test_where_a_family_is_not_proven_a_wrong_checksum_only_lowers_the_severity(
    repo, keyfuse, report
):
    repo.write("a", UNPROVEN)
    code, (found,) = report()
    assert (code, found["severity"], found["checksum"]) == (1, "high", "invalid")
    assert report("--fail-on", "critical")[0] == 0
    assert "  its checksum seems wrong\n" in keyfuse("scan").out


@pytest.mark.parametrize("mode", [["--staged"], ["--history"], ["--range", "HEAD~..HEAD"]])
def test_every_way_to_scan_judges_alike(repo, report, mode):
    repo.commit()
    if mode == ["--staged"]:
        repo.stage("a", WRONG)
    else:
        repo.commit(a=WRONG)
    assert report(*mode) == (0, [])
    code, findings = report(*mode, "--all")
    assert (code, [finding["reason"] for finding in findings]) == (0, ["has a wrong checksum"])


def test_the_hook_lets_a_placeholder_pass_and_stops_a_secret(repo, keyfuse):
    repo.stage("a", PLACEHOLDER)
    assert keyfuse("hook", "run") == (0, "", "")
    repo.stage("a", RIGHT)
    assert keyfuse("hook", "run").code == 1
