"""Tokens of other providers are decoded, too, and only where something is encoded."""

from random import Random

import pytest

from keyfuse_rules.matching import Matcher
from keyfuse_rules.model import Rule
from keyfuse_rules.pack import default_rules
from keyfuse_rules.plainsearch import plain_search
from keyfuse_rules.recipes import expand
from keyfuse_rules.triggers import triggers
from support.hiding import WAYS

IDS = ("github-classic-token", "stripe-live-secret-key", "slack-bot-token")
RULES = [rule for rule in default_rules() if rule.rule_id in IDS]
MATCHER = Matcher(RULES, plain_search(triggers(RULES, decode=True)))


def _token(rule: Rule, seed: int = 1) -> bytes:
    """Return a token without the text around it in the rule's example."""
    line = expand(rule.matches[0], Random(seed), rule.checksum)
    (match,) = Matcher([rule]).matches(line).items
    return line[match.start : match.end]


def _found(data: bytes) -> list[tuple[str, bytes, tuple[str, ...]]]:
    return [
        (
            match.rule.rule_id,
            match.secret.reveal().encode() if match.secret else data[match.start : match.end],
            match.decoded,
        )
        for match in MATCHER.matches(data).items
    ]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.rule_id)
def test_a_hidden_token_is_found(rule: Rule, way: str) -> None:
    steps, hide = WAYS[way]
    for seed in range(5):
        token = _token(rule, seed)
        data = b"x: '" + hide(b"token=" + token + b";") + b"'"
        if "utf-16" in way:
            data = hide(b"token=" + token + b";")
        assert _found(data) == [(rule.rule_id, token, steps)]


def test_an_escape_before_a_token_is_no_part_of_a_word() -> None:
    token = _token(RULES[0])
    for before in (b'"a\\n', b"%3D", b"\\u003d", b"&quot;"):
        assert [secret for _, secret, _ in _found(before + token + b'"')] == [token]


@pytest.mark.parametrize("cut", [4, 12, 30])
def test_a_token_in_two_literals_is_found(cut: int) -> None:
    token = _token(RULES[0]).decode()
    data = f'"{token[:cut]}" +\n  "{token[cut:]}"'.encode()
    assert _found(data) == [(RULES[0].rule_id, token.encode(), ("joined",))]


def test_a_plain_line_break_joins_nothing_without_a_checksum_that_proves_it() -> None:
    (stripe,) = [rule for rule in RULES if rule.rule_id == "stripe-live-secret-key"]
    token = _token(stripe).decode()
    assert _found(f"{token[:20]}\n{token[20:]}".encode()) == []


def test_without_encoded_forms_among_its_triggers_a_matcher_decodes_nothing() -> None:
    token = _token(RULES[0])
    assert Matcher(RULES).matches(WAYS["base64-0"][1](token)).items == []
