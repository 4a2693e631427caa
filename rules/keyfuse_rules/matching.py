"""Bytes to matches: find the candidates of every rule and judge them. Pure."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from keyfuse_rules.checksums import FAMILIES
from keyfuse_rules.keyfinding import CANDIDATE_LIMIT, find_keys
from keyfuse_rules.model import OWN_RULE, Checksum, Match, Matches, Rule

if TYPE_CHECKING:
    import regex

# A secret longer than this is cut off by no provider we know; a bound keeps hostile input cheap.
_WINDOW = 8_192
_TIMEOUT_SECONDS = 1.0
_WORD = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")


class _Found(NamedTuple):
    matches: list[Match]
    complete: bool


class Matcher:
    """All rules of a scan, ready to be run over one object after the other.

    The pattern engine is loaded when the first literal of a rule is met: most objects, and most
    runs of the hook, meet none.
    """

    def __init__(self, rules: Sequence[Rule], *, candidate_limit: int = CANDIDATE_LIMIT) -> None:
        self._own = next((rule for rule in rules if rule.rule_id == OWN_RULE), None)
        self._others = [rule for rule in rules if rule.rule_id != OWN_RULE]
        self._limit = candidate_limit
        self._patterns: dict[str, regex.Pattern[bytes]] = {}

    def matches(self, data: bytes) -> Matches:
        """Return every match in one object, by position."""
        found = [self._match_rule(rule, data) for rule in self._others]
        if self._own is not None:
            found.append(self._match_own(self._own, data))
        items = [match for part in found for match in part.matches]
        items.sort(key=lambda match: (match.start, match.rule.rule_id))
        return Matches(items, complete=all(part.complete for part in found))

    def _match_own(self, rule: Rule, data: bytes) -> _Found:
        keys, complete = find_keys(data, self._limit)
        return _Found(
            [
                Match(rule, key.start, key.end, "valid" if key.valid else "invalid", key.key_id)
                for key in keys
            ],
            complete,
        )

    def _match_rule(self, rule: Rule, data: bytes) -> _Found:
        matches: list[Match] = []
        position = -1
        for count, hit in enumerate(_hits(data, rule.literals)):
            if count >= self._limit:
                return _Found(matches, complete=False)
            if hit < position:
                continue  # inside the previous match of this rule
            try:
                match = self._confirm(rule, data, hit)
            except TimeoutError:
                return _Found(matches, complete=False)
            if match is not None:
                matches.append(match)
                position = match.end
        return _Found(matches, complete=True)

    def _confirm(self, rule: Rule, data: bytes, hit: int) -> Match | None:
        end = min(len(data), hit + _WINDOW)
        found = self._pattern(rule).match(data, hit, end, timeout=_TIMEOUT_SECONDS)
        if found is None:
            return None
        group: str | int = "secret" if "secret" in found.groupdict() else 0
        start, end = found.span(group)
        checksum = judge(rule, data[start:end])
        if checksum != "valid" and rule.boundary and _is_part_of_something(data, start, end):
            return None
        return Match(rule, start, end, checksum)

    def _pattern(self, rule: Rule) -> "regex.Pattern[bytes]":
        pattern = self._patterns.get(rule.rule_id)
        if pattern is None:
            import regex

            pattern = regex.compile(rule.pattern.encode())
            self._patterns[rule.rule_id] = pattern
        return pattern


def judge(rule: Rule, secret: bytes) -> Checksum:
    """Return what a rule's checksum says about a secret."""
    return "none" if rule.checksum is None else FAMILIES[rule.checksum].judge(secret)


def _hits(data: bytes, literals: tuple[bytes, ...]) -> Iterator[int]:
    """Yield where any of the literals stands, in ascending order."""
    if len(literals) == 1:
        yield from _occurrences(data, literals[0])
        return
    present = [re.escape(literal) for literal in literals if literal in data]
    if present:
        yield from (hit.start() for hit in re.finditer(b"|".join(present), data))


def _occurrences(data: bytes, literal: bytes) -> Iterator[int]:
    hit = data.find(literal)
    while hit >= 0:
        yield hit
        hit = data.find(literal, hit + 1)


def _is_part_of_something(data: bytes, start: int, end: int) -> bool:
    before = start > 0 and data[start - 1] in _WORD
    after = end < len(data) and data[end] in _WORD and data[end : end + 1] != b"_"
    return before or after
