"""Every rule keeps the promises its data file makes; nobody writes a test per rule."""

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import regex

from keyfuse_rules import proving
from keyfuse_rules.judgement import judge
from keyfuse_rules.matching import Matcher
from keyfuse_rules.model import Rule
from keyfuse_rules.pack import OWN, all_rules, default_rules, load
from keyfuse_rules.recipes import InvalidRecipe, expand
from keyfuse_rules.rulefile import InvalidRule, parse_rules

RULES = all_rules()
PROVIDERS = RULES[1:]
# What these checks look into says itself how long it is.
STRUCTURES = {"macaroon", "jwt", "json", "base64-basic", "bech32", "human"}

GOOD = {
    "id": "acme-token",
    "title": "Acme",
    "severity": "high",
    "literals": ["acme-"],
    "pattern": "acme-[a-z]{20}",
}


def shows(rule: Rule, recipe: str, seed: int, original: Rule | None = None) -> bool:
    """Tell whether a rule reports a line at its full severity."""
    return proving.shows(rule, recipe, seed, (original or rule).checksum)


def ids(rules: tuple[Rule, ...]) -> list[str]:
    return [rule.rule_id for rule in rules]


@pytest.mark.parametrize("rule", RULES, ids=ids(RULES))
def test_what_a_rule_must_match_it_matches_and_what_it_must_not_it_does_not(rule: Rule) -> None:
    assert proving.prove(rule) == []


@pytest.mark.parametrize("rule", PROVIDERS, ids=ids(PROVIDERS))
def test_a_mutation_of_a_rule_is_caught_by_its_recipes(rule: Rule) -> None:
    survivors = [
        name
        for name, mutant in mutants(rule)
        if not any(shows(mutant, recipe, 0, rule) for recipe in rule.ignores)
    ]
    assert survivors == []


def mutants(rule: Rule) -> Iterator[tuple[str, Rule]]:
    """Yield a rule with each check dropped, and with each length made one shorter."""
    if rule.checksum is not None:
        yield "without its checksum", rule._replace(checksum=None)
        return  # a checksum leaves nothing to other checks, and refuses other lengths
    for check in rule.checks:
        rest = tuple(name for name in rule.checks if name != check)
        yield f"without {check}", rule._replace(checks=rest)
    if rule.boundary:
        yield "without boundary", rule._replace(boundary=False)
    if STRUCTURES.isdisjoint(rule.checks):
        yield from _with_shorter_lengths(rule)


def _with_shorter_lengths(rule: Rule) -> Iterator[tuple[str, Rule]]:
    for start, end, text in _shorter(rule.pattern):
        yield (
            f"shorter {text}",
            rule._replace(pattern=rule.pattern[:start] + text + rule.pattern[end:]),
        )


def _shorter(pattern: str) -> Iterator[tuple[int, int, str]]:
    for found in re.finditer(r"\{([0-9]+)(,[0-9]+)?\}", pattern):
        least = int(found[1])
        if least > 2:
            most = found[2] or f",{least}"
            yield found.start(), found.end(), f"{{{least - 1}{most}}}"


def test_there_are_250_rules_over_150_providers() -> None:
    assert len(PROVIDERS) >= 250
    assert len({rule.provider for rule in PROVIDERS}) >= 150


def test_every_rule_says_what_to_do_and_has_examples_of_both_kinds() -> None:
    assert [
        rule.rule_id
        for rule in PROVIDERS
        if not (
            rule.matches
            and rule.ignores
            and rule.documentation
            and (rule.revoke_url or rule.revoke_steps)
        )
    ] == []


def test_every_literal_of_a_rule_is_the_head_of_one_of_its_examples() -> None:
    """A literal that no example uses might be misspelt for ever."""
    unused = [
        (rule.rule_id, literal)
        for rule in PROVIDERS
        for literal in rule.literals
        if not rule.pattern.startswith("(?")
        and not any(literal in expand(recipe, Random(0), rule.checksum) for recipe in rule.matches)
    ]
    assert unused == []


@pytest.mark.parametrize(
    "place",
    [
        "- name: {}\n  value: {}",
        '{{"name": "{}", "value": "{}"}}',
        '"Name": "{}",\n        "Value": "{}"',
        '<add key="{}" value="{}" />',
    ],
    ids=["kubernetes", "task-definition", "parameters", "app-config"],
)
def test_a_value_is_seen_where_its_name_is_a_value_itself(place: str) -> None:
    named = [
        (rule, *rule.matches[0].split("=", 1))
        for rule in PROVIDERS
        if "[=:,>])" in rule.expression and re.match(r"[A-Z0-9_]+=", rule.matches[0])
    ]
    assert len(named) > 100
    assert [
        rule.rule_id for rule, *words in named if not shows(rule, place.format(*words), 0)
    ] == []


def test_every_alternative_at_the_head_of_a_pattern_is_one_of_the_literals() -> None:
    for rule in PROVIDERS:
        if rule.lead == 0:
            for literal in rule.literals:
                partial = regex.compile(rule.expression.encode()).match(literal, partial=True)
                assert partial is not None, (rule.rule_id, literal)


def test_patterns_are_bounded() -> None:
    """An open end calls back at every position, and costs without limit on hostile input."""
    endless = re.compile(r"(?<!\\)[*+](?![^\[]*\])|\{[0-9]*,\}")
    plain = re.compile(r"\\.|\[(?:\\.|[^\]])*\]")
    assert [
        rule.rule_id for rule in PROVIDERS if endless.search(plain.sub("x", rule.expression))
    ] == []


@pytest.fixture(scope="module")
def database() -> Any:
    """All rules in one Hyperscan database that tells where a match starts."""
    hyperscan = pytest.importorskip("hyperscan")
    database = hyperscan.Database()
    database.compile(
        expressions=[rule.pattern.encode() for rule in PROVIDERS],
        ids=list(range(len(PROVIDERS))),
        flags=[hyperscan.HS_FLAG_SOM_LEFTMOST] * len(PROVIDERS),
    )
    return database


def test_one_database_of_all_rules_tells_where_each_example_starts(database: Any) -> None:
    for number, rule in enumerate(PROVIDERS):
        for recipe in rule.matches:
            data = expand(recipe, Random(1), rule.checksum)
            hits: set[tuple[int, int]] = set()

            def on_match(
                index: int, start: int, _end: int, _flags: int, hits: set[tuple[int, int]]
            ) -> None:
                hits.add((index, start))

            database.scan(data, match_event_handler=on_match, context=hits)
            starts = [
                found.start()
                for found in regex.finditer(rule.expression.encode(), data, overlapped=True)
            ]
            assert {(number, start) for start in starts} & hits, (rule.rule_id, recipe)


def test_the_database_survives_a_look_at_ordinary_files(database: Any) -> None:
    """A head near the limits of Hyperscan has crashed it; these files are full of its bait."""
    hits: list[int] = []

    def on_match(index: int, _start: int, _end: int, _flags: int, _context: object) -> None:
        hits.append(index)

    folder = Path(regex.__file__).parents[1]
    for number, file in enumerate(sorted(folder.rglob("*.py"))):
        if number == 400:
            break
        database.scan(file.read_bytes(), match_event_handler=on_match)
    assert hits


def test_the_generic_rules_are_not_on_by_default() -> None:
    assert {rule.rule_set for rule in default_rules()} == {"default"}
    assert {rule.provider for rule in set(all_rules()) - set(default_rules())} == {"Generic"}


def test_no_data_file_holds_what_a_rule_recognises() -> None:
    from importlib import resources

    matcher = Matcher(RULES)
    for entry in resources.files("keyfuse_rules").joinpath("providers").iterdir():
        found = [
            match.rule.rule_id
            for match in matcher.matches(entry.read_bytes()).items
            if judge(match).shown
        ]
        assert found == [], entry.name


def test_our_own_rule_comes_first() -> None:
    assert RULES[0] is OWN


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pattern": ""}, "pattern is missing"),
        ({"severity": "awful"}, "severity is critical, high, medium or low"),
        ({"checksum": "nope"}, "unknown checksum"),
        ({"checks": ["nope:3"]}, "unknown check 'nope:3'"),
        ({"checks": ["entropy:much"]}, "check 'entropy:much' needs a number"),
        ({"colour": "red"}, "unknown field 'colour'"),
        ({"title": 3}, "title must be of type str"),
        ({"boundary": 1}, "boundary must be of type bool"),
        ({"literals": [""]}, "literals must hold non-empty strings"),
        ({"literals": "acme"}, "literals must be of type list"),
        ({"literals": []}, "literals are missing"),
        ({"pattern": "acme-["}, "pattern does not compile"),
        ({"pattern": "a" + "(" * 3000 + ")" * 3000}, "pattern does not compile: it is too deep"),
        ({"pattern": "acme-" + "x" * 8192}, "pattern is longer than 8192 characters"),
        ({"pattern": "acme-x{99999999}"}, "pattern repeats something more than 20000 times"),
        ({"pattern": "acme-x{2,20001}"}, "pattern repeats something more than 20000 times"),
        ({"pattern": "acme-(?R)?"}, "pattern calls itself"),
        ({"allow": [{"patterns": ["(?&x)(?<x>a)"]}]}, "allow calls itself"),
        ({"allow": [{"target": "moon"}]}, "target is secret, match, line"),
        ({"allow": [{"words": [3]}]}, "allow: words must hold non-empty strings"),
        ({"allow": ["x"]}, "allow must hold tables"),
    ],
)
def test_a_wrong_rule_is_refused_by_file_rule_and_field(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidRule, match=message) as caught:
        parse_rules({"provider": "Acme", "rules": [GOOD | change]}, "acme.toml", verify=True)
    assert str(caught.value).startswith("acme.toml: rule acme-token: ")


def test_a_file_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    (tmp_path / "deep.toml").write_text("rules = " + "[" * 5000)
    with pytest.raises(InvalidRule, match="is nested too deeply"):
        load([tmp_path / "deep.toml"], RULES)


def test_a_file_without_provider_or_rules_is_refused() -> None:
    with pytest.raises(InvalidRule, match=r"acme\.toml: needs"):
        parse_rules({"rules": [GOOD]}, "acme.toml")


def test_an_id_used_twice_is_refused() -> None:
    from keyfuse_rules.pack import _refuse_duplicates

    rules = parse_rules({"provider": "Acme", "rules": [GOOD, GOOD]}, "acme.toml")
    with pytest.raises(InvalidRule, match="acme-token: the id is used twice"):
        _refuse_duplicates(rules)


@pytest.mark.parametrize("recipe", ["<nonsense:3>", "<base62>", "<key>", "<checksum>", "<uuid:3>"])
def test_a_recipe_with_an_unknown_field_is_refused(recipe: str) -> None:
    with pytest.raises(InvalidRecipe):
        expand(recipe, Random(0))


def test_recipes_can_hold_control_characters() -> None:
    assert expand("a<nul><lt><gt>b", Random(0)) == b"a\0<>b"
