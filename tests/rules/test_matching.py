import re
from collections.abc import Iterator
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from keyfuse_rules.candidate import judge_found
from keyfuse_rules.matching import Matcher
from keyfuse_rules.model import Rule, Severity
from keyfuse_rules.pack import OWN, default_rules
from keyfuse_rules.recipes import expand
from support.keys import break_checksum, make_key

PLAIN = Rule("plain", "Plain", "Acme", "plain", Severity.LOW, (b"acme-",), "acme-[a-z]{8}")
CONTEXT = Rule(
    "context",
    "Context",
    "Acme",
    "context",
    Severity.HIGH,
    (b"password", b"PASSWORD"),
    r"(?i:password)\s*=\s*(?<secret>[a-z]{8})",
)
SLOW = Rule("slow", "Slow", "Acme", "slow", Severity.LOW, (b"a",), "(?:a|a)*[bc]")


def _texts(rules: list[Rule], data: bytes) -> list[tuple[str, bytes]]:
    return [
        (match.rule.rule_id, data[match.start : match.end])
        for match in Matcher(rules).matches(data).items
    ]


def test_matches_come_by_position_whatever_the_rules_order() -> None:
    token = make_key().reveal()
    data = f"acme-abcdefgh {token} acme-hgfedcba".encode()
    assert _texts([PLAIN, OWN], data) == [
        ("plain", b"acme-abcdefgh"),
        ("keyfuse-key", token.encode()),
        ("plain", b"acme-hgfedcba"),
    ]


def test_the_named_group_is_the_secret_and_the_context_is_not() -> None:
    assert _texts([CONTEXT], b"PASSWORD = abcdefgh; password=hgfedcba") == [
        ("context", b"abcdefgh"),
        ("context", b"hgfedcba"),
    ]


LED = Rule("led", "Led", "Acme", "led", Severity.LOW, (b"x",), "a{1,2}xb?", lead=2, boundary=False)


def _at_every_start(data: bytes) -> Iterator[tuple[int, int]]:
    """What `LED` matches, found by trying all that may begin up to `lead` before a literal."""
    position = 0
    for hit in (found.start() for found in re.finditer(b"x", data)):
        if hit < position:
            continue
        for start in range(max(position, hit - LED.lead), hit + 1):
            found = re.compile(LED.expression.encode()).match(data, start)
            match = found and judge_found(LED, data, found)
            if match and match.end > hit:
                position = match.end
                yield match.start, match.end
                break


@settings(max_examples=500)
@given(st.text("abx ", max_size=24))
def test_literals_close_to_each_other_are_matched_as_if_each_stood_alone(text: str) -> None:
    data = text.encode()
    matches = Matcher([LED]).matches(data).items
    assert [(match.start, match.end) for match in matches] == list(_at_every_start(data))


def test_a_match_inside_a_longer_word_is_none() -> None:
    assert _texts([PLAIN], b"xacme-abcdefgh acme-abcdefghi acme-abcdefgh_x") == [
        ("plain", b"acme-abcdefgh")
    ]


def test_a_valid_checksum_needs_no_boundary() -> None:
    (rule,) = [rule for rule in default_rules() if rule.rule_id == "github-classic-token"]
    data = expand("xx<token>ghp_<base62:30><checksum>xx", Random(3), rule.checksum)
    assert _texts([rule], data) == [(rule.rule_id, data[2:-2])]


def test_a_wrong_checksum_is_told_and_carries_the_verdict() -> None:
    (match,) = Matcher([OWN]).matches(break_checksum(make_key().reveal()).encode()).items
    assert match.checksum == "invalid"
    assert match.key_id == make_key().reveal()[13:23]


def test_too_many_candidates_make_the_object_incomplete() -> None:
    data = b"acme-abcdefgh " * 5
    matches = Matcher([PLAIN], candidate_limit=3).matches(data)
    assert (len(matches.items), matches.complete) == (3, False)


def test_a_run_of_one_byte_is_one_candidate() -> None:
    (rule,) = [rule for rule in default_rules() if rule.rule_id == "x-bearer-token"]
    padding = b"A" * 50_000 + b" "
    assert Matcher([rule]).matches(padding) == ([], True)
    token = expand(rule.matches[0], Random(4), rule.checksum).partition(b"=")[2]
    assert _texts([rule], padding + token) == [(rule.rule_id, token)]


def test_a_pattern_that_runs_away_is_cut_and_told() -> None:
    matches = Matcher([SLOW]).matches(b"a" * 4_000)
    assert matches == ([], False)


def test_without_rules_nothing_is_found() -> None:
    assert Matcher([]).matches(b"anything") == ([], True)
