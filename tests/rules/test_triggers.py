"""Triggers miss nothing: wherever a literal is hidden, one of its forms stands."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyfuse_rules.matching import Matcher
from keyfuse_rules.model import Rule, Severity
from keyfuse_rules.pack import OWN, default_rules
from keyfuse_rules.plainsearch import plain_search
from keyfuse_rules.triggers import expression, triggers
from support.hiding import OWN_WAYS, WAYS

LITERALS = st.text("abcdefghijkLMNOP0123_-.", min_size=3, max_size=14)


def _rule(literal: str, pattern: str | None = None, lead: int = 0) -> Rule:
    head = re.escape(literal) if pattern is None else pattern
    return Rule(
        "r", "R", "Acme", "r", Severity.LOW, (literal.encode(),), head + "[a-z]*", lead=lead
    )


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=25, deadline=None)
@given(literal=LITERALS, before=st.binary(max_size=9), behind=st.binary(min_size=3, max_size=9))
def test_a_hidden_literal_gives_the_signal_of_its_encoding(
    way: str, literal: str, before: bytes, behind: bytes
) -> None:
    (step, *_), hide = WAYS[way]
    hidden = hide(literal.encode() + b"zzz")
    if "utf-16" not in way:
        hidden = before + b"'" + hidden + b"'" + behind
    search = plain_search(triggers([_rule(literal)], decode=True))
    assert step in {search.signals[number].form for number, _ in search.hits(hidden)}


@pytest.mark.parametrize("way", OWN_WAYS)
def test_our_marker_is_seen_in_more_ways(way: str) -> None:
    (step, *_), hide = OWN_WAYS[way]
    if way == "underscores-markdown":
        return  # the marker itself stands plainly there
    search = plain_search(triggers([OWN], decode=True))
    hits = search.hits(hide(b"acme_live_kf1abc"))
    assert step in {search.signals[number].form for number, _ in hits}


def test_a_literal_of_several_rules_is_searched_for_once() -> None:
    rules = [_rule("token-"), _rule("token-")]
    (signal,) = triggers(rules, decode=False).signals
    assert (signal.form, signal.rules, signal.length) == ("plain", (0, 1), 6)


def test_a_rule_without_literals_is_asked_where_a_keyword_stands_in_any_case() -> None:
    rule = _rule("x")._replace(literals=(), keywords=(b"acme",))
    search = plain_search(triggers([rule], decode=False))
    assert [search.signals[number].form for number, _ in search.hits(b"an ACMe key")] == ["keyword"]


def test_a_rule_without_literals_and_keywords_is_asked_about_every_object() -> None:
    rule = _rule("x", "[0-9]{3}")._replace(literals=())
    found = triggers([OWN, rule], decode=False)
    assert [signal.rules for signal in found.signals if signal.form == "unled"] == [(1,)]
    assert [match.start for match in Matcher([OWN, rule]).matches(b"a 123").items] == [2]


def test_triggers_are_read_alike_by_all_engines() -> None:
    for trigger in triggers(default_rules(), decode=True).triggers[::50]:
        re.compile(expression(trigger))


@pytest.mark.parametrize(
    ("pattern", "lead", "data", "place"),
    [
        (r"key-[0-9a-f]{32}", 0, b" key-0123456789abcdef0123", 1),
        (r"(?i:key-)[0-9a-f]{2,}", 0, b"key-0a", 0),
        (r"(?:x|yy)key-\d\s\w", 2, b"yykey-1 a", 2),
        (r"[0-9]{3,5}key-[^a-z]", 5, b"12345key-A", 5),
        (r"[a-z]{2}(?<whole>key-(?:ab|cd)+)\b", 2, b"qqkey-abcd", 2),
        (r"(?>key-).(?=z)", 0, b"key-!z", 0),
    ],
)
def test_a_short_literal_is_searched_for_with_what_is_around_it(
    pattern: str, lead: int, data: bytes, place: int
) -> None:
    search = plain_search(triggers([_rule("key-", pattern, lead)], decode=False))
    places = {end - search.signals[number].length for number, end in search.hits(data)}
    assert places == {place}


def test_what_a_rule_does_not_ask_for_around_a_short_literal_is_no_hit() -> None:
    search = plain_search(triggers([_rule("key-", "key-[0-9a-f]{32}")], decode=False))
    assert search.hits(b"key-board key-0123456") == []
