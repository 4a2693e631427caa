"""What becomes of a match."""

from random import Random

import pytest

from keyfuse_rules.judgement import is_proven, judge
from keyfuse_rules.matching import Matcher
from keyfuse_rules.model import Allow, Match, Rule, Severity
from keyfuse_rules.pack import default_rules
from keyfuse_rules.recipes import expand

RULES = {rule.rule_id: rule for rule in default_rules()}
PLAIN = Rule("plain", "Plain", "Acme", "plain", Severity.HIGH, (b"acme-",), "acme-[a-z0-9]{12}")


def _match(rule: Rule, recipe: str) -> Match:
    data = expand(recipe, Random(5), rule.checksum)
    (match,) = Matcher([rule]).matches(data).items
    return match


def test_a_match_nothing_speaks_against_is_shown_as_its_rule_says() -> None:
    assert judge(_match(PLAIN, "acme-<lower:12>")) == (True, Severity.HIGH, None)


def test_a_placeholder_is_only_shown_on_demand_and_says_why() -> None:
    verdict = judge(_match(PLAIN, "acme-<x:12>"))
    assert verdict == (False, Severity.HIGH, "holds a word of documentation")


def test_a_wrong_checksum_of_a_proven_family_silences() -> None:
    rule = RULES["github-classic-token"]
    assert is_proven(rule)
    verdict = judge(_match(rule, "<token>ghp_<base62:30><wrong>"))
    assert verdict == (False, Severity.CRITICAL, "has a wrong checksum")


def test_a_wrong_checksum_of_an_unproven_family_lowers_the_severity() -> None:
    rule = RULES["cloudflare-token"]
    assert not is_proven(rule)
    verdict = judge(_match(rule, "<token>cfut_<base62:40><wrong>"))
    assert verdict == (True, Severity.HIGH, "its checksum seems wrong")


def test_the_lowest_severity_stays() -> None:
    rule = RULES["cloudflare-token"]._replace(severity=Severity.LOW)
    assert judge(_match(rule, "<token>cfut_<base62:40><wrong>")).severity is Severity.LOW


@pytest.mark.parametrize("name", ["github-classic-token", "npm-access-token", "azure-storage-key"])
def test_two_hundred_right_checksums_are_shown_and_two_hundred_wrong_ones_are_not(
    name: str,
) -> None:
    rule = RULES[name]
    right = next(recipe for recipe in rule.matches if "<checksum>" in recipe)
    random = Random(8)
    matcher = Matcher([rule])
    for expected, recipe in ((True, right), (False, right.replace("<checksum>", "<wrong>"))):
        for _ in range(200):
            items = matcher.matches(expand(recipe, random, rule.checksum)).items
            assert any(judge(match).shown for match in items) is expected


@pytest.mark.parametrize(
    ("allow", "recipe"),
    [
        (Allow(patterns=("^acme-kept",)), "acme-kept<lower:8>"),
        (Allow(words=("KEPT",)), "acme-kept<lower:8>"),
        (Allow(patterns=("nosec",), target="line"), "x\nacme-<lower:12> # nosec\ny"),
        (Allow(patterns=("^acme",), target="match"), "acme-<lower:12>"),
    ],
)
def test_what_a_rule_allows_is_not_shown(allow: Allow, recipe: str) -> None:
    rule = PLAIN._replace(allows=(allow,))
    assert judge(_match(rule, recipe)).reason == "is allowed by its rule"
    assert judge(_match(rule, "nosec\nacme-<lower:12>\nnosec")).shown is (allow.target != "match")


def test_a_rule_can_ask_for_a_path_and_allow_one() -> None:
    match = _match(PLAIN._replace(paths=r"\.env$"), "acme-<lower:12>")
    assert judge(match, b"a/.env").shown
    assert not judge(match, b"a/readme").shown
    assert not judge(match).shown
    match = _match(PLAIN._replace(allows=(Allow(paths=("^tests/",)),)), "acme-<lower:12>")
    assert judge(match, b"src/x").shown
    assert judge(match, b"tests/x").reason == "stands where its rule allows it"
