"""Every rule keeps the promises its data file makes; nobody writes a test per rule."""

from random import Random

import pytest

from keyfuse_rules.matching import Matcher
from keyfuse_rules.model import Rule
from keyfuse_rules.pack import OWN, InvalidRule, default_rules, parse_rules
from keyfuse_rules.recipes import InvalidRecipe, expand

RULES = default_rules()
MUST = [(rule, recipe) for rule in RULES for recipe in rule.matches]
MUST_NOT = [(rule, recipe) for rule in RULES for recipe in rule.ignores]

GOOD = {
    "id": "acme-token",
    "title": "Acme",
    "severity": "high",
    "literals": ["acme-"],
    "pattern": "acme-[a-z]{20}",
}


def _found(rule: Rule, recipe: str, seed: int) -> list[str]:
    data = expand(recipe, Random(seed), rule.checksum)
    return [match.checksum for match in Matcher([rule]).matches(data).items]


@pytest.mark.parametrize(
    ("rule", "recipe"), MUST, ids=[f"{rule.rule_id}-{n}" for n, (rule, _) in enumerate(MUST)]
)
def test_what_a_rule_must_match_it_matches(rule: Rule, recipe: str) -> None:
    for seed in range(20):
        assert [verdict for verdict in _found(rule, recipe, seed) if verdict != "invalid"], recipe


@pytest.mark.parametrize(
    ("rule", "recipe"),
    MUST_NOT,
    ids=[f"{rule.rule_id}-{n}" for n, (rule, _) in enumerate(MUST_NOT)],
)
def test_what_a_rule_must_not_match_it_does_not(rule: Rule, recipe: str) -> None:
    for seed in range(20):
        assert not [verdict for verdict in _found(rule, recipe, seed) if verdict != "invalid"], (
            recipe
        )


def test_every_rule_has_examples_of_both_kinds() -> None:
    assert [rule.rule_id for rule in RULES if not (rule.matches and rule.ignores)] == []


def test_our_own_rule_comes_first() -> None:
    assert RULES[0] is OWN


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pattern": ""}, "pattern is missing"),
        ({"severity": "awful"}, "severity is critical, high, medium or low"),
        ({"checksum": "nope"}, "unknown checksum"),
        ({"colour": "red"}, "unknown field 'colour'"),
        ({"title": 3}, "title must be of type str"),
        ({"literals": [""]}, "literals must hold non-empty strings"),
        ({"literals": "acme"}, "literals must be of type list"),
    ],
)
def test_a_wrong_rule_is_refused_by_file_rule_and_field(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidRule, match=message) as caught:
        parse_rules({"provider": "Acme", "rules": [GOOD | change]}, "acme.toml")
    assert str(caught.value).startswith("acme.toml: rule acme-token: ")


def test_a_file_without_provider_or_rules_is_refused() -> None:
    with pytest.raises(InvalidRule, match=r"acme\.toml: needs"):
        parse_rules({"rules": [GOOD]}, "acme.toml")


def test_an_id_used_twice_is_refused() -> None:
    from keyfuse_rules.pack import _refuse_duplicates

    rules = parse_rules({"provider": "Acme", "rules": [GOOD, GOOD]}, "acme.toml")
    with pytest.raises(InvalidRule, match="acme-token: the id is used twice"):
        _refuse_duplicates(rules)


@pytest.mark.parametrize("recipe", ["<nonsense:3>", "<base62>", "<key>", "<checksum>"])
def test_a_recipe_with_an_unknown_field_is_refused(recipe: str) -> None:
    with pytest.raises(InvalidRecipe):
        expand(recipe, Random(0))


def test_recipes_can_hold_control_characters() -> None:
    assert expand("a<nul><lt>b", Random(0)) == b"a\0<b"
