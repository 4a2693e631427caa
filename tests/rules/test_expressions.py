"""Our expressions mean the same to both libraries, and end soon; those of others are cut off."""

import re
from random import Random

import pytest
import regex

from keyfuse_rules.expressions import compiled, expression, holds, python_syntax
from keyfuse_rules.model import Rule, Severity
from keyfuse_rules.pack import all_rules, extend
from keyfuse_rules.recipes import expand
from keyfuse_rules.rulefile import parse_rules

RULES = all_rules()[1:]
NAMES = [rule.rule_id for rule in RULES]
WINDOW = 8_192
FILLINGS = (
    b"a",
    b"A0",
    b"0",
    b"-_",
    b". ",
    b" ",
    b"\t\n",
    b"=",
    b"'\"",
    b":/@",
    b"%41",
    b"\\n",
    b"\xe9\0",
)
TABLE = {
    "id": "acme-token",
    "title": "Acme",
    "severity": "high",
    "literals": ["acme-"],
    "pattern": "acme-[a-z]{20}",
}


def seen(pattern: "re.Pattern[bytes] | regex.Pattern[bytes]", data: bytes, start: int) -> object:
    found = pattern.match(data, start, start + WINDOW)
    return None if found is None else (found.span(), found.groupdict())


def variants(rule: Rule, random: Random) -> list[bytes]:
    """Return the examples of a rule, whole, cut, glued to each other and with bytes exchanged."""
    examples = [expand(recipe, random, rule.checksum) for recipe in (*rule.matches, *rule.ignores)]
    found = list(examples)
    for example in examples:
        place = random.randrange(len(example))
        odd = random.choice(b"aZ0_-+/=.\"'` \n\t\0\xff:")
        found += [example[:place], example + random.choice(examples)]
        found.append(example[:place] + bytes((odd,)) + example[place + 1 :])
    return found


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_both_libraries_see_the_same(rule: Rule) -> None:
    ours = re.compile(python_syntax(rule.expression).encode())
    other = regex.compile(rule.expression.encode())
    random = Random(5)
    for data in variants(rule, random):
        for start in range(len(data)):
            if any(data.startswith(literal, start) for literal in rule.literals):
                for before in range(rule.lead + 1):
                    begin = max(0, start - before)
                    assert seen(ours, data, begin) == seen(other, data, begin)
        if not rule.literals:
            spans = [found.span() for found in ours.finditer(data)]
            assert spans == [found.span() for found in other.finditer(data)]


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_an_expression_of_ours_ends_whatever_follows_its_literal(rule: Rule) -> None:
    """One that does not is ended by the time limit of the test run."""
    assert rule.bounded
    pattern = expression(rule)
    heads = [expand(recipe, Random(1), rule.checksum) for recipe in rule.matches[:3]]
    for head in (*rule.literals[:3], *heads, *(head[:-1] for head in heads)):
        for filling in FILLINGS:
            data = head + filling * (WINDOW // len(filling))
            pattern.match(data, 0, WINDOW)
            for _ in zip(range(100), pattern.finditer(data), strict=False):
                pass


def test_paths_and_allowed_patterns_mean_the_same_to_both() -> None:
    patterns = {
        pattern
        for rule in RULES
        for pattern in (
            *([rule.paths] if rule.paths else []),
            *(each for allow in rule.allows for each in (*allow.patterns, *allow.paths)),
        )
    }
    for pattern in patterns:
        for text in (b"", b"src/app.py", b"tests/data/x.env", b"a" * 5_000, b"EXAMPLE", b"\xff\n"):
            assert holds(pattern, text, bounded=True) == holds(pattern, text, bounded=False)


def test_expressions_of_others_have_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keyfuse_rules.expressions._TIMEOUT_SECONDS", 0.1)
    own = {"provider": "Acme", "rules": [TABLE]}
    (trusted,) = parse_rules(own, "ours.toml")
    (others,) = parse_rules(own, "theirs.toml", verify=True)
    assert (trusted.bounded, others.bounded) == (True, False)
    (changed,) = extend([trusted], {"rules": [{"id": "acme-token", "severity": "low"}]}, "x.toml")
    assert not changed.bounded
    slow = Rule("slow", "", "", "", Severity.LOW, (b"a",), "(?:a|a|ab)*(?:a|a)*$")
    data = b"a" * 200 + b"!"
    with pytest.raises(TimeoutError):
        expression(slow).match(data, 0, len(data))
    with pytest.raises(TimeoutError):
        list(compiled("^(?:a|a|ab)*(?:a|a)*$", bounded=False).finditer(data))
    with pytest.raises(TimeoutError):
        holds("^(?:a|a|ab)*(?:a|a)*$", data, bounded=False)
