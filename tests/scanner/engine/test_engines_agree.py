"""With native code and without, the same is found."""

from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

pytest.importorskip("hyperscan")

from keyfuse_rules.matching import Matcher
from keyfuse_rules.model import Match, Rule, Severity
from keyfuse_rules.pack import OWN, default_rules
from keyfuse_rules.recipes import expand
from keyfuse_rules.search import HIT_LIMIT
from keyfuse_scanner.engine import load_matcher
from support.hiding import OWN_WAYS, WAYS
from support.keys import break_checksum, make_key

IDS = (
    "keyfuse-key",
    "github-classic-token",
    "stripe-live-secret-key",
    "slack-bot-token",
    "private-key-pem",
    "gitlab-routable-token",
    "telegram-bot-token",
    "entra-client-secret",
    "mailgun-api-key",
)
SOME = [rule for rule in default_rules() if rule.rule_id in IDS]
KEYS = [make_key(seed=seed).reveal() for seed in range(3)]
EXAMPLES = [
    *(key.encode() for key in KEYS),
    *(break_checksum(key).encode() for key in KEYS),
    *(
        expand(recipe, Random(seed), rule.checksum)
        for seed, rule in enumerate(SOME[1:])
        for recipe in (*rule.matches, *rule.ignores)
    ),
]
HIDES = [hide for _, hide in (WAYS | OWN_WAYS).values()]


def _both(rules: list[Rule] | None, *, decode: bool) -> tuple[Matcher, Matcher]:
    native = load_matcher(rules, decode=decode, cache=False)
    plain = load_matcher(rules, decode=decode, cache=False, native=False)
    return native, plain


DECODING = _both(SOME, decode=True)
PLAIN = _both(SOME, decode=False)


@st.composite
def _hidden(draw: st.DrawFn) -> bytes:
    text = draw(st.sampled_from(EXAMPLES))
    for hide in draw(st.lists(st.sampled_from(HIDES), max_size=2)):
        text = hide(text) if text.isascii() else text
    cut = draw(st.integers(0, len(text)))
    join = draw(st.sampled_from([b"", b"", b'" + "', b"\\\n", b"\n", b"\0"]))
    return text[:cut] + join + text[cut:]


OBJECTS = st.lists(
    st.one_of(
        _hidden(),
        st.binary(max_size=30),
        st.text('abcfkls_-gh10%\\u&;"\n =+', max_size=30).map(str.encode),
    ),
    max_size=6,
).map(b"".join)


def _facts(match: Match) -> tuple[object, ...]:
    secret = match.secret.reveal() if match.secret else None
    return match.rule.rule_id, *match[1:-1], secret


@settings(max_examples=150, deadline=None)
@given(OBJECTS)
@example(KEYS[0].encode() * 3 + KEYS[0].encode("utf-16-be").decode("latin-1").encode("utf-16-be"))
@example(b"\0" + KEYS[0].encode("utf-16-le").decode("latin-1").encode("utf-16-le")[:-2])
def test_both_engines_find_the_same(data: bytes) -> None:
    for native, plain in (DECODING, PLAIN):
        found, expected = native.matches(data), plain.matches(data)
        assert [_facts(match) for match in found.items] == [
            _facts(match) for match in expected.items
        ]
        assert found.complete == expected.complete


@settings(max_examples=60, deadline=None)
@given(OBJECTS)
def test_both_engines_give_the_same_hits(data: bytes) -> None:
    native, plain = DECODING
    assert native._signals == plain._signals
    whole = {n for n, signal in enumerate(plain._signals) if signal.form == "whole"}
    first, second = (
        {(number, end) for number, end in matcher.hits(data) if number not in whole}
        for matcher in DECODING
    )
    assert first == second


def test_both_engines_find_the_examples_of_rules() -> None:
    rules = [OWN, *default_rules()[1::9]]
    native, plain = _both(rules, decode=True)
    for seed, rule in enumerate(rules):
        for recipe in rule.matches[:1]:
            data = expand(recipe, Random(seed), rule.checksum)
            found = [_facts(match) for match in native.matches(data).items]
            assert found == [_facts(match) for match in plain.matches(data).items]
            assert rule.rule_id in {fact[0] for fact in found}


@pytest.mark.parametrize("matcher", DECODING, ids=["native", "plain"])
def test_more_hits_than_are_kept_are_told(matcher: Matcher) -> None:
    data = b"_kf1" * (HIT_LIMIT + 10)
    assert len(matcher.hits(data)) == HIT_LIMIT
    assert not matcher.matches(data).complete
    assert matcher.matches(b"nothing") == ([], True)


def test_hits_beyond_the_limit_hide_no_key_of_ours() -> None:
    native, plain = PLAIN
    data = b"_kf1" * (HIT_LIMIT + 10) + b" " + KEYS[0].encode()
    for matcher in (native, plain):
        limit = [match for match in matcher.matches(data).items if match.checksum == "valid"]
        assert len(limit) == 1


def test_hits_of_another_rule_hide_no_key_of_ours() -> None:
    slack = next(rule for rule in default_rules() if b"xoxb-" in rule.literals)
    data = b"xoxb-" * (HIT_LIMIT + 10) + b" " + KEYS[0].encode()
    for matcher in _both([slack, OWN], decode=True):
        matches = matcher.matches(data)
        assert not matches.complete
        assert [match.checksum for match in matches.items if match.rule is OWN] == ["valid"]


def test_the_native_engine_finds_the_examples_of_every_rule() -> None:
    native = load_matcher(cache=False, decode=False)
    for seed, rule in enumerate(default_rules()):
        for recipe in rule.matches:
            data = b"x = 1\n" + expand(recipe, Random(seed), rule.checksum) + b"\ny = 2\n"
            assert rule.rule_id in {match.rule.rule_id for match in native.matches(data).items}


@pytest.mark.parametrize(
    "pattern",
    [
        r"acme_pass\s*=\s*(?<secret>[a-z]{8})",
        r"acme_pass(?<!x)[^a-z]{0,90}(?<secret>[a-z]{8})(?![a-z])",
        r"acme_pass(?P<q>['\"])(?<secret>[a-z]{8})(?P=q)",
        r"acme_pass(?>=)(?<secret>[a-z]{8}+)",
        r"acme_pass[[=]](?<secret>[a-z]{8})",
        r"acme_pass={,3}(?<secret>[a-z]{8})",
        r"acme_pass\p{Po}?=(?<secret>[a-z]{8})",
        r"(?i)acme_pass(?<secret>(?:=?[a-z]{8}){1,600})",
    ],
)
def test_whatever_syntax_a_rule_with_context_has_both_engines_find_the_same(pattern: str) -> None:
    rule = Rule("acme", "Acme", "Acme", "acme", Severity.LOW, (b"acme_pass",), pattern, checks=())
    native, plain = _both([rule], decode=False)
    for data in (
        b"acme_pass=abcdefgh",
        b"acme_pass'abcdefgh'",
        b"acme_pass =]abcdefgh",
        b"acme_pass===abcdefgh",
        b"acme_pass",
    ):
        found = [_facts(match) for match in native.matches(data).items]
        assert found == [_facts(match) for match in plain.matches(data).items]
