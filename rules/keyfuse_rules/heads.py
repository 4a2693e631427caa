"""What stands around a rule's literal in every match: more to search for where it is short. Pure.

A literal such as `key-` stands in every other file. What its rule's expression asks right before
and behind it makes a hit rare, as long as that is of fixed length.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import product

# The parser of `re` is not public. Where it is missing, or does not know the syntax of a rule,
# literals are searched for by themselves: slower, never different.
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

from keyfuse_rules.encoded_forms import Pattern, plain
from keyfuse_rules.expressions import python_syntax
from keyfuse_rules.model import Rule

# A literal of that length is rare enough. More is not asked of it, because a secret that is torn
# apart behind its literal shall still be seen.
_RARE = 5
_WORDS = frozenset((b"secret_", b"secret-", b"console-", b"token-"))
_BEFORE, _BEHIND = 6, 20
_SEQUENCES_MAX = 64
_ALL = frozenset(range(256))
_CATEGORIES = {
    "CATEGORY_DIGIT": rb"\d",
    "CATEGORY_NOT_DIGIT": rb"\D",
    "CATEGORY_SPACE": rb"\s",
    "CATEGORY_NOT_SPACE": rb"\S",
    "CATEGORY_WORD": rb"\w",
    "CATEGORY_NOT_WORD": rb"\W",
}

Part = frozenset[int] | None
"""What one byte may be, or None for something of variable length."""


class Head(NamedTuple):
    """A pattern of fixed length that holds a literal; `begin` tells where in it."""

    pattern: Pattern
    begin: int


def heads(rule: Rule) -> list[Head]:
    """Return patterns of which one stands in every match of a rule, with a literal in it."""
    literals = [Head(plain(literal), 0) for literal in rule.literals]
    if not is_short(rule):
        return literals
    try:
        parsed = parser.parse(python_syntax(rule.pattern))
        sequences = _sequences(parsed, ignore_case=bool(parsed.state.flags & re.IGNORECASE))
    except (re.error, _TooMany):
        return literals
    found: dict[Head, None] = {}
    for parts in sequences:
        around = list(_around(parts, rule))
        if not around:
            return literals
        found.update(dict.fromkeys(around))
    return list(found)


def is_short(rule: Rule) -> bool:
    """Tell whether a literal of a rule stands in many places that have nothing to do with it."""
    return bool(rule.pattern) and any(
        len(literal) < _RARE or literal in _WORDS for literal in rule.literals
    )


class _TooMany(Exception):
    """The alternatives of an expression multiply."""


def _around(parts: Sequence[Part], rule: Rule) -> Iterator[Head]:
    """Yield heads of which one stands wherever these parts do and hold a literal of the rule."""
    places = [
        (literal, start)
        for literal in rule.literals
        for start in range(min(rule.lead, len(parts)) + 1)
        if _can_stand(literal, parts, start)
    ]
    certain = [place for place in places if _must_stand(*place, parts)]
    for literal, start in certain[:1] or places:
        begin, end = start, start + len(literal)
        while begin > max(0, start - _BEFORE) and parts[begin - 1] is not None:
            begin -= 1
        while end < min(len(parts), start + len(literal) + _BEHIND) and parts[end] is not None:
            end += 1
        around = (*parts[begin:start], *plain(literal), *parts[start + len(literal) : end])
        yield Head(tuple(part for part in around if part is not None), start - begin)


def _can_stand(literal: bytes, parts: Sequence[Part], start: int) -> bool:
    place = parts[start : start + len(literal)]
    return len(place) == len(literal) and all(
        part is not None and byte in part for byte, part in zip(literal, place, strict=True)
    )


def _must_stand(literal: bytes, start: int, parts: Sequence[Part]) -> bool:
    return all(len(part or ()) == 1 for part in parts[start : start + len(literal)])


def _sequences(parsed: Iterable[Any], *, ignore_case: bool) -> list[tuple[Part, ...]]:
    """Return all sequences of parts that a parsed expression allows."""
    sequences: list[tuple[Part, ...]] = [()]
    for item in parsed:
        options = _options(item, ignore_case=ignore_case)
        if len(sequences) * len(options) > _SEQUENCES_MAX:
            raise _TooMany
        sequences = [before + after for before, after in product(sequences, options)]
    return sequences


def _options(item: tuple[Any, Any], *, ignore_case: bool) -> list[tuple[Part, ...]]:
    code, argument = str(item[0]), item[1]
    if code in {"LITERAL", "NOT_LITERAL", "ANY", "IN"}:
        return [(_members(code, argument, ignore_case=ignore_case),)]
    if code in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
        least, most, repeated = argument
        once = _sequences(repeated, ignore_case=ignore_case)
        rest: tuple[Part, ...] = () if least == most else (None,)
        if len(once) > 1:
            return [(None,)]
        return [once[0] * least + rest]
    if code == "BRANCH":
        return [
            sequence
            for branch in argument[1]
            for sequence in _sequences(branch, ignore_case=ignore_case)
        ]
    if code == "SUBPATTERN":
        _, added, removed, inner = argument
        folded = (ignore_case or bool(added & re.IGNORECASE)) and not removed & re.IGNORECASE
        return _sequences(inner, ignore_case=folded)
    if code == "ATOMIC_GROUP":
        return _sequences(argument, ignore_case=ignore_case)
    if code in {"AT", "ASSERT", "ASSERT_NOT"}:
        return [()]
    return [(None,)]


def _members(code: str, argument: Any, *, ignore_case: bool) -> frozenset[int]:
    if code == "ANY":
        return _ALL
    if code == "LITERAL":
        members = frozenset((argument,))
    elif code == "NOT_LITERAL":
        members = _ALL - {argument}
    else:
        members = _set_members(argument)
    if ignore_case:
        text = bytes(member for member in members if member in _ALL)
        members |= frozenset(text.lower() + text.upper())
    return members & _ALL


def _set_members(items: Iterable[tuple[Any, Any]]) -> frozenset[int]:
    members: set[int] = set()
    negated = False
    for code, argument in items:
        if str(code) == "NEGATE":
            negated = True
        elif str(code) == "LITERAL":
            members.add(argument)
        elif str(code) == "RANGE":
            members.update(range(argument[0], argument[1] + 1))
        else:
            found = re.findall(_CATEGORIES[str(argument)], bytes(range(256)))
            members.update(b"".join(found))
    return _ALL - members if negated else frozenset(members)
