"""A rule's examples are run, and what is wrong with one is said."""

import pytest

from keyfuse_rules.model import Allow, Rule, Severity
from keyfuse_rules.proving import Failure, prove

RULE = Rule("acme", "Acme", "Acme", "acme", Severity.HIGH, (b"acme-",), "acme-[a-z0-9]{12}")


def test_examples_that_hold_are_no_news() -> None:
    rule = RULE._replace(matches=("k=acme-<lower:12>",), ignores=("acme-<lower:11>",))
    assert prove(rule) == []


@pytest.mark.parametrize(
    ("field", "recipe", "problem"),
    [
        ("matches", "acme-<lower:11>", "is not found"),
        ("matches", "acme-<x:12>", "is judged to be no secret: it holds a word of documentation"),
        ("ignores", "acme-<lower:12>", "is found"),
        ("matches", "acme-<nosuch:3>", "recipe 'acme-<nosuch:3>': unknown field <nosuch>"),
    ],
)
def test_an_example_that_does_not_hold_is_told(field: str, recipe: str, problem: str) -> None:
    rule = RULE._replace(**{field: (recipe,)})  # type: ignore[arg-type] # a tuple of text in both
    assert prove(rule) == [Failure("acme", field, recipe, problem)]


def test_examples_stand_at_no_path() -> None:
    rule = RULE._replace(
        paths=r"\.env$", allows=(Allow(paths=(".",)),), matches=("acme-<lower:12>",)
    )
    assert prove(rule) == []
