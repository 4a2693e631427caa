"""Run a rule's own examples: what it must match, and what it must not. Pure."""

from collections.abc import Iterator
from functools import lru_cache
from random import Random
from typing import NamedTuple

from keyfuse_rules.judgement import Judgement, judge
from keyfuse_rules.matching import Matcher
from keyfuse_rules.model import Rule
from keyfuse_rules.recipes import InvalidRecipe, expand

# Each recipe is expanded so many times: one lucky draw proves little.
_SEEDS = range(4)


class Failure(NamedTuple):
    """An example that does not hold.

    Attributes:
        field: `matches` or `ignores`.
        recipe: The example as the rule file has it.
        problem: What is wrong with it, in words.
    """

    rule_id: str
    field: str
    recipe: str
    problem: str


def prove(rule: Rule) -> list[Failure]:
    """Return the examples of a rule that do not hold; what it asks of paths is left out."""
    return [
        *_failures(rule, "matches", rule.matches, wanted=True),
        *_failures(rule, "ignores", rule.ignores, wanted=False),
    ]


def shows(rule: Rule, recipe: str, seed: int, family: str | None) -> bool:
    """Tell whether a rule reports a line at its full severity.

    Args:
        rule: The rule.
        recipe: What the line is made of.
        seed: Decides on its variable characters.
        family: Checksum family of the recipe.

    Raises:
        InvalidRecipe: The recipe names a field that does not exist.
    """
    return any(
        verdict.shown and verdict.severity == rule.severity
        for verdict in _verdicts(rule, recipe, seed, family)
    )


def _failures(
    rule: Rule, field: str, recipes: tuple[str, ...], *, wanted: bool
) -> Iterator[Failure]:
    for recipe in recipes:
        problem = _problem(rule, recipe, wanted=wanted)
        if problem is not None:
            yield Failure(rule.rule_id, field, recipe, problem)


def _problem(rule: Rule, recipe: str, *, wanted: bool) -> str | None:
    try:
        for seed in _SEEDS:
            if shows(rule, recipe, seed, rule.checksum) is not wanted:
                return _why_not(rule, recipe, seed) if wanted else "is found"
    except InvalidRecipe as error:
        return str(error)
    return None


def _why_not(rule: Rule, recipe: str, seed: int) -> str:
    verdicts = _verdicts(rule, recipe, seed, rule.checksum)
    reasons = (verdict.reason for verdict in verdicts if verdict.reason is not None)
    reason = next(reasons, None)
    return "is not found" if reason is None else f"is judged to be no secret: it {reason}"


def _verdicts(rule: Rule, recipe: str, seed: int, family: str | None) -> list[Judgement]:
    data = expand(recipe, Random(seed), family)  # noqa: S311 - examples, never keys
    return [judge(match) for match in _matcher(rule).matches(data).items]


@lru_cache(maxsize=8)
def _matcher(rule: Rule) -> Matcher:
    return Matcher([rule._replace(paths="")])
